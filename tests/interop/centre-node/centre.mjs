// A second centre, written from docs/contract with other hands' libraries: it seals one
// job (a finished PNG), follows it to its end and acknowledges every event.
//
//   node centre.mjs keys FOLDER       make the centre's key and its trust file
//   node centre.mjs run ORDER.json    {broker, station, printer, keys, agent, image}
//
// Standard output: a line {"job": ID} once it listens, then every event, checked. Exit
// status: 0 the job completed, 1 it ended otherwise, 2 this program or the agent is wrong.

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, CompactEncrypt, CompactSign } from "jose";
import { exportJWK, generateKeyPair, importJWK } from "jose";
import mqtt from "mqtt";

const ALG = "Ed25519";
const ZEROS = "0".repeat(64);
const PATIENCE_MS = 60_000;
const ENDS = ["job-completed", "job-canceled", "job-aborted", "job-rejected"];

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const readJson = async (path) => JSON.parse(await readFile(path, "utf8"));
const fail = (text) => process.exit(console.error(text) ?? 2);

async function makeKeys(folder) {
  const pair = await generateKeyPair(ALG, { extractable: true });
  const open = await exportJWK(pair.publicKey);
  const about = { kid: await calculateJwkThumbprint(open), alg: ALG, use: "sig" };
  const secret = { ...(await exportJWK(pair.privateKey)), ...about };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "centre.jwk"), JSON.stringify(secret), { mode: 0o600 });
  const trust = JSON.stringify({ keys: [{ ...open, ...about }] });
  await writeFile(join(folder, "trust.jwks"), trust);
}

class Centre {
  constructor(order, key, agent) {
    Object.assign(this, { order, key, agent });
    this.head = { ledger: null, no: 0, hash: ZEROS };
    this.jobId = `node-${randomUUID()}`;
  }

  topic(name) {
    return `blanko/v1/${this.order.station}/${this.order.printer}/${name}`;
  }

  async sign(document, typ) {
    return new CompactSign(Buffer.from(JSON.stringify(document)))
      .setProtectedHeader({ alg: ALG, kid: this.key.kid, typ })
      .sign(await importJWK(this.key, ALG));
  }

  async seal(image) {
    const now = Date.now();
    const document = {
      job_id: this.jobId,
      queue_no: 1,
      station: this.order.station,
      printer: this.order.printer,
      rkid: this.agent.kid,
      issued_at: new Date(now).toISOString(),
      expires_at: new Date(now + 3_600_000).toISOString(),
      kind: "test",
      subject: `subject-${this.jobId}`,
      sides: { front: { kind: "image", part: "front" } },
      parts: [
        { name: "front", type: "image/png", size: image.length, sha256: sha256(image) },
      ],
    };
    const signed = await this.sign(document, "blanko-job+jws");
    const header = { alg: "ECDH-ES+A256KW", enc: "A256GCM", kid: this.agent.kid };
    return new CompactEncrypt(Buffer.concat([Buffer.from(`${signed}\n`), image]))
      .setProtectedHeader({ ...header, typ: "blanko-job+jwe", cty: "blanko-job+jws" })
      .encrypt(await importJWK(this.agent, header.alg));
  }

  async ack(ledger, nonce) {
    const { station, printer } = this.order;
    const { no, hash } = this.head;
    const document = { station, printer, ledger, no, hash, at: new Date().toISOString() };
    if (nonce) document.nonce = nonce;
    const signed = await this.sign(document, "blanko-ack+jws");
    await this.client.publishAsync(this.topic("ack"), signed, { qos: 1, retain: true });
  }

  // Check the chain line by line. A line that is known already is passed over; after a
  // gap nothing is taken: an ack of what is held is how a centre asks for the rest.
  take(payload) {
    const fresh = [];
    for (const line of payload.toString("utf8").split("\n").slice(0, -1)) {
      const [hash, json] = [line.slice(0, 64), line.slice(65)];
      const event = JSON.parse(json);
      this.head.ledger ??= event.ledger;
      if (event.no <= this.head.no) continue;
      if (event.no > this.head.no + 1) break;
      if (sha256(json) !== hash) fail(`event ${event.no}: its hash is wrong`);
      if (event.prev !== this.head.hash) fail(`event ${event.no}: the chain is broken`);
      this.head = { ledger: event.ledger, no: event.no, hash };
      fresh.push(event);
      console.log(json);
    }
    return fresh;
  }

  async receive(topic, payload) {
    if (topic === this.topic("ask")) {
      const ask = JSON.parse(payload);
      await this.ack(ask.ledger, ask.nonce);
      if (!ask.accepted.includes(this.jobId)) await this.sendJob();
      return;
    }
    const ours = this.take(payload).filter((event) => event.job === this.jobId);
    await this.ack(this.head.ledger);
    const end = ours.find((event) => ENDS.includes(event.data.kind));
    if (!end) return;
    await this.client.endAsync();
    process.exit(end.data.kind === "job-completed" ? 0 : 1);
  }

  sendJob() {
    return this.client.publishAsync(this.topic("job"), this.job, { qos: 1 });
  }

  async run(image) {
    this.job = await this.seal(image);
    this.client = await mqtt.connectAsync(this.order.broker, { protocolVersion: 4 });
    let last = Promise.resolve(); // messages are handled one after another
    this.client.on("message", (topic, payload) => {
      last = last.then(() => this.receive(topic, payload)).catch((e) => fail(e.stack));
    });
    await this.client.subscribeAsync([this.topic("event"), this.topic("ask")], { qos: 1 });
    console.log(JSON.stringify({ job: this.jobId }));
    await this.sendJob();
    setTimeout(() => fail(`no end of ${this.jobId} in ${PATIENCE_MS} ms`), PATIENCE_MS);
  }
}

const [verb, path] = process.argv.slice(2);
if (verb === "keys" && path) {
  await makeKeys(path);
} else if (verb === "run" && path) {
  const order = await readJson(path);
  const key = await readJson(join(order.keys, "centre.jwk"));
  const centre = new Centre(order, key, await readJson(order.agent));
  await centre.run(await readFile(order.image));
} else {
  fail("usage: centre.mjs keys FOLDER | run ORDER.json");
}
