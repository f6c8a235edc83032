import type { Status, TopicStatus } from '../../protocol/status-snapshot.ts';

export interface TopicList {
  topics: TopicStatus[];
  topicCount: number;
}

export const fetchTopics = (): Promise<TopicList> => request('/topics') as Promise<TopicList>;
export const fetchStatus = (): Promise<Status> => request('/status') as Promise<Status>;

/** @returns the number of the message. @throws Error with the gateway's sentence. */
export async function sendMessage(topic: string, json: string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const answer = await request(`/topics/${topic}`, { method: 'POST', headers, body: json });
  return (answer as { seq: number }).seq;
}

const TIMEOUT_MS = 10_000;

async function request(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = (await response.json()) as { error?: { message: string } };
  if (!response.ok) throw new Error(answer.error?.message ?? `HTTP status ${response.status}`);
  return answer;
}
