/**
 * The client library: hear what chimed broadcasts, publish to it, ask how it is.
 * @module
 */
export type { LastMessage, Reload, Sample } from './client/answers.ts';
export type { Client, ClientEvents, Message, Subscription } from './client/api.ts';
export { connect } from './client/client.ts';
export type {
  ConnectOptions,
  ListenOptions,
  PublishOptions,
  ResumeAfter,
  ResumeFrom,
  StatusOptions,
} from './client/options.ts';
export type { Generate, ProvideContext, ProvideHandler, Provided, Refusal } from './client/provided.ts';
export type { State } from './client/connection-state.ts';
export { ChimedError, codes } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export type { Logger, LogMethod } from './log.ts';
export type { Failing, OnBehalfOf, OriginNumbers, Recovered, RegisteredTopic } from './protocol/messages.ts';
export { findSocketPath } from './protocol/paths.ts';
export type { ClientStatus, Status, TopicStatus } from './protocol/status-snapshot.ts';
