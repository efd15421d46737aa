// The words of an example's command line, as a shell would make them: up to a pipe, a redirection or `&&`.
export function exampleWords(line: string): readonly string[] {
  const [, first = ''] = /^postilion (.*?)(?: (?:[|<>]|&&).*)?$/.exec(line) ?? [];
  return [...first.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}
