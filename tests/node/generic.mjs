// What senders would send, made by packages that we did not write: JSON of the form { standard: […], cloudevents: […], jwt: […] } on
// standard input, [{ headers, body }] for each on standard output.
import { CloudEvent, HTTP } from "cloudevents";
import jwt from "jsonwebtoken";
import { Webhook } from "standardwebhooks";

let text = "";
for await (const part of process.stdin) text += part;
const asked = JSON.parse(text);

const standard = (asked.standard ?? []).map(({ secret, id, at, body }) => {
  const when = new Date(at ?? Date.now());
  return {
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(when.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, when, body),
    },
    body,
  };
});

const cloudevents = (asked.cloudevents ?? []).map(({ mode, events }) => {
  const made = events.map((e) => new CloudEvent(e.data_base64 ? { ...e, data: undefined } : e));
  if (mode === "batch")
    return { headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(made) };
  const { headers, body } = mode === "binary" ? HTTP.binary(made[0]) : HTTP.structured(made[0]);
  return { headers, body: typeof body === "string" ? body : JSON.stringify(body) };
});

const tokens = (asked.jwt ?? []).map(({ secret, claims, options, body }) => ({
  headers: { "content-type": "application/json", authorization: `Bearer ${jwt.sign(claims, secret, options)}` },
  body,
}));

console.log(JSON.stringify({ standard, cloudevents, jwt: tokens }));
