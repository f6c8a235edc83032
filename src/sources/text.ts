/** What a command or a file wrote, less the newline that ends its last line. */
export function withoutTrailingNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}
