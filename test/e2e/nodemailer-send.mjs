// One message by nodemailer: HOST PORT FILE FROM TO; octets as they stand in FILE.
import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const [host, port, file, from, to] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host,
  port: Number(port),
  secure: port === '465',
  requireTLS: true,
  tls: { rejectUnauthorized: false },
  auth: { user: 'app', pass: process.env.PASSWORD },
});
const info = await transport.sendMail({ envelope: { from, to }, raw: readFileSync(file) });
console.log(info.response);
