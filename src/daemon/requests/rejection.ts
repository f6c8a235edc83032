import { ChimedError } from '../../errors.ts';
import type { Rejection } from '../../protocol/messages.ts';

/**
 * What a client is told of its mistake.
 * @throws what is a mistake of ours: the transport logs it, and closes the connection.
 */
export function rejection(error: unknown): Rejection {
  if (error instanceof ChimedError) return { code: error.code, message: error.message };
  throw error;
}
