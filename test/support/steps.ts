// A script of test/e2e/ in namespaces of its own (network, mounts, processes): it plays once and tells step by step, one
// line of JSON each; every step is a test.
import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_ROOT } from './tree.ts';

interface Step {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
}

const NAMESPACES = ['-n', '-m', '-p', '-f', '--mount-proc', '--kill-child'];

export class Steps {
  readonly #steps = new Map<string, Step>();

  async play(script: string, env: Readonly<Record<string, string>>): Promise<void> {
    const child = spawn('unshare', [...NAMESPACES, 'python3', join(PROJECT_ROOT, 'test/e2e', script)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...env, ...process.env },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
    await new Promise((resolve) => child.on('close', resolve));
    for (const line of output.split('\n').filter((text) => text.startsWith('{'))) {
      const step = JSON.parse(line) as Step;
      if (this.#steps.get(step.step)?.ok !== false) this.#steps.set(step.step, step);
    }
  }

  /** What it told of it. */
  detail(name: string): string {
    return this.#steps.get(name)?.detail ?? '';
  }

  /** Fails when the step did, or was never reached. */
  played(name: string): void {
    const step = this.#steps.get(name);
    equal(step?.ok, true, step?.detail ?? `never reached; ${JSON.stringify([...this.#steps.values()])}`);
  }
}
