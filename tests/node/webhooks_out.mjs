// Reads what a webhook was sent as an integrator would: the signature by standardwebhooks, then the event by cloudevents.
// In: {secret, calls: [{headers, body}]}. Out: {"events": [...], "refused": n}: the types and ids of those that both accept.
import { HTTP } from "cloudevents";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, calls } = JSON.parse(readFileSync(0, "utf8"));
const webhook = new Webhook(secret);
const events = [];
let refused = 0;
for (const { headers, body } of calls) {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  try {
    webhook.verify(body, lower);
    const event = HTTP.toEvent({ headers: lower, body });
    event.validate();
    if (lower["webhook-id"] !== event.id) throw new Error("webhook-id is not the event's id");
    events.push({ id: event.id, type: event.type, source: event.source, subject: event.subject, sequence: event.sequence, data: event.data });
  } catch (error) {
    refused++;
    process.stderr.write(`${error}\n`);
  }
}
process.stdout.write(JSON.stringify({ events, refused }) + "\n");
