// The part of the documents that a process needs: the rules are as large as all the rest many times over, and only the
// scheduler reads them.
import type { RuleSetData } from '../rules/rule-set.ts';
import type { Documents, Role } from './roles.ts';

const NO_RULES: RuleSetData = { categories: {}, rules: [], enhanced: {}, replies: {}, silence: {}, aliases: {} };

export function documentsFor(role: Role, documents: Documents): Documents {
  if (role === 'scheduler') return documents;
  return { ...documents, config: { ...documents.config, responses: NO_RULES } };
}
