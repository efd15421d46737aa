// What the supervisor and its children say to each other over the channel that `fork` makes. Few and small: mail never
// comes this way.
import type { Users } from '../config/users.ts';
import type { Health, Reloaded, UsersReloaded } from '../control/api.ts';
import type { Documents, EndedProcess, Role } from './roles.ts';

export interface RoleStart {
  readonly role: Role;
  readonly name: string;
  readonly documents: Documents;
  /** Descriptors the child inherited. */
  readonly listeners: readonly { readonly name: string; readonly fd: number }[];
  readonly alive: readonly string[];
}

export type ToChild =
  | { readonly say: 'start'; readonly start: RoleStart }
  | { readonly say: 'prepare'; readonly documents: Documents }
  | { readonly say: 'use'; readonly number: number }
  | { readonly say: 'users'; readonly users: Users }
  | { readonly say: 'ended'; readonly ended: EndedProcess }
  | { readonly say: 'answer'; readonly id: number; readonly value: Health | Reloaded | UsersReloaded }
  | { readonly say: 'refused'; readonly id: number; readonly message: string; readonly exitCode: number }
  | { readonly say: 'stop' };

export type SupervisorQuestion = 'health' | 'reload' | 'reloadUsers';

export type FromChild =
  | { readonly say: 'ready' }
  /** It cannot start, and says why in one line; it ends itself. */
  | { readonly say: 'failed'; readonly message: string; readonly exitCode: number }
  | { readonly say: 'prepared'; readonly number: number; readonly trouble?: string }
  | { readonly say: 'segment'; readonly segment: string }
  | { readonly say: 'kill'; readonly process: string }
  | { readonly say: 'ask'; readonly id: number; readonly what: SupervisorQuestion };
