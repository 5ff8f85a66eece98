/** Returns JSON text as a body with its content type. */
export function jsonBody(text: string): { readonly contentType: string; readonly body: Uint8Array } {
  return { contentType: 'application/json', body: Buffer.from(text, 'utf8') };
}
