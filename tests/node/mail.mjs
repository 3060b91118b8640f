// Sends mails by LMTP with nodemailer: mail.mjs PORT, a JSON list of messages on standard input; prints what became of each.
import nodemailer from 'nodemailer';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const transport = nodemailer.createTransport({ lmtp: true, host: '127.0.0.1', port: Number(process.argv[2]), secure: false, ignoreTLS: true });
const ends = [];
for (const message of JSON.parse(input)) {
  for (const file of message.attachments ?? []) if (file.bytes) file.content = Buffer.alloc(file.bytes, 'naru ');
  try {
    const info = await transport.sendMail(message);
    ends.push({ id: info.messageId, accepted: info.accepted, rejected: info.rejected });
  } catch (e) {
    ends.push({ error: e.response ?? String(e), code: e.responseCode });
  }
}
console.log(JSON.stringify({ ends }));
