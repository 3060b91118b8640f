// LINE's own SDK on signatures. In: [{"body", "secret", "signature"}, …]; out: [true, false, …].
import { readFileSync } from "node:fs";
import { validateSignature } from "@line/bot-sdk";

const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(({ body, secret, signature }) => validateSignature(body, secret, signature))));
