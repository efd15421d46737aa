// The scheduler does not answer now: control's API says 503 `away`, and the CLI 75, try again.

export class OperationsAway extends Error {
  override readonly name = 'OperationsAway';
}
