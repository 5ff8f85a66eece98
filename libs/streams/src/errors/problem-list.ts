/** One message for many problems: a heading and a line for each. */
export function problemList(heading: string, problems: readonly string[]): string {
  return problems.length === 1
    ? `${heading}: ${problems[0]}`
    : `${heading}:\n${problems.map((p) => `  - ${p}`).join('\n')}`;
}
