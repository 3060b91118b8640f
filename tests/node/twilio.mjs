// Twilio's own SDK as signer and judge: a line of JSON in, a line of JSON out, until the end of the input.
//   {"secret", "url", "params"}   → {"signature", "valid"}: of a form; a list as a value is a name that stands there often
//   {"secret", "url", "body"}     → the same of a body whose SHA-256 is put into the address: {"url"} says how
import readline from "node:readline";
import webhooks from "twilio/lib/webhooks/webhooks.js";

function form({ secret, url, params }) {
  const signature = webhooks.getExpectedTwilioSignature(secret, url, params);
  return { url, signature, valid: webhooks.validateRequest(secret, signature, url, params) };
}

function hashed({ secret, url, body }) {
  const full = url + (url.includes("?") ? "&" : "?") + "bodySHA256=" + webhooks.getExpectedBodyHash(body);
  const signature = webhooks.getExpectedTwilioSignature(secret, full, {});
  return { url: full, signature, valid: webhooks.validateRequestWithBody(secret, signature, full, body) };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  console.log(JSON.stringify(ask.params ? form(ask) : hashed(ask)));
}
