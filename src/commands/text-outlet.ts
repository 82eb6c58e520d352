/**
 * Long output to standard output: waits until the reader has taken a piece, so that a slow one holds back the work instead of
 * filling memory, and notices when the reader went away (`peertrail search … | head`), which is no error.
 */

export type TextOutlet = {
  /** False when nobody reads any more: then the rest need not be made. */
  write(text: string): Promise<boolean>
  /** Characters of a line there; 0 for a pipe or a file. */
  readonly width: number
}

export type TextStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** `stream` is the process's standard output, or stands for it. */
export function createTextOutlet(stream: TextStream): TextOutlet {
  // Told by the write that failed (below); unheard, the event would end the process.
  stream.on('error', () => {})
  return {
    write: (text) =>
      text === '' ? Promise.resolve(true) : new Promise((resolve) => stream.write(text, (error) => resolve(!error))),
    width: stream.isTTY === true ? (stream.columns ?? 0) : 0,
  }
}
