/** A source of chimed's: says when it was asked. */
import { payloadValue } from '../message.ts';

export default payloadValue;
