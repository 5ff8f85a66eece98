declare module 'snappyjs' {
  const snappyjs: {
    compress(bytes: Uint8Array): Uint8Array;
    uncompress(bytes: Uint8Array, maxLength?: number): Uint8Array;
  };
  export default snappyjs;
}

declare module 'lz4js' {
  const lz4js: {
    /** Writes a frame. */
    compress(bytes: Uint8Array): Uint8Array;
    /** Decompresses one block of a frame to `at` of `output`, which holds what came before. @returns where its output ends. */
    decompressBlock(bytes: Uint8Array, output: Uint8Array, start: number, length: number, at: number): number;
  };
  export default lz4js;
}
