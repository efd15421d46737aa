// The thread that signs: RSA takes a quarter of a millisecond, and in libuv's pool it would stand in the way of fsync.
// It is given a key once and inputs in batches, and answers in the same order. Only strings pass: a buffer is copied with
// all of the pool that it lies in, which costs more than the way itself.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { signInput } from './sign-input.ts';

export type ToWorker =
  | { readonly do: 'keys'; readonly keys: readonly { readonly name: string; readonly pem: string }[] }
  /** Name of the key and input (latin1) of one job after the other. */
  | readonly string[];
/** Base64, one per job, in order; absent when the key is not known. */
export type FromWorker = readonly (string | undefined)[];

const keys = new Map<string, KeyObject>();
parentPort?.on('message', (message: ToWorker) => {
  if ('do' in message) {
    keys.clear();
    for (const { name, pem } of message.keys) keys.set(name, createPrivateKey(pem));
    return;
  }
  const answers: (string | undefined)[] = [];
  for (let at = 0; at < message.length; at += 2) {
    const key = keys.get(message[at] ?? '');
    answers.push(key === undefined ? undefined : signInput(key, message[at + 1] ?? ''));
  }
  parentPort?.postMessage(answers);
});
