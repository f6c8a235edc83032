/** The page of the gateway: it shows topics as they change. */
import { ClientList } from './client-list.ts';
import { showConnection } from './connection-display.ts';
import type { ShownConnection } from './connection-display.ts';
import { find } from './elements.ts';
import { fetchTopics } from './requests.ts';
import { SharedStream } from './shared-stream.ts';
import { connectThemeButton } from './theme.ts';
import { TopicModel } from './topic-model.ts';
import type { ModelCopy } from './topic-model.ts';
import { TopicTable } from './topic-table.ts';

/** A reload of the daemon can change the list at any time. */
const LIST_EVERY_MS = 10_000;
/** A topic that is not in the list can come with every message. */
const LIST_AGAIN_MS = 1000;

let connection: ShownConnection = { status: 'connecting' };
let listTimer: ReturnType<typeof setTimeout> | undefined;

const model = new TopicModel(
  (topic) => table.change(topic),
  () => listSoon(LIST_AGAIN_MS),
);
const table = new TopicTable(model);

const stream = new SharedStream<ModelCopy>({
  event: (event) => model.take(event),
  connection: (now) => {
    const wasLive = connection.status === 'live';
    connection = now;
    showConnection(find('connection'), now);
    if (now.status === 'live' && !wasLive) listSoon(0);
  },
  interrupted: () => model.interrupt(),
  copy: () => model.copy(),
  restore: (copy) => model.restore(copy),
});

/** Asks for the list of topics after a time, unless it is asked for sooner. */
let listAt = Infinity;
function listSoon(waitMs: number): void {
  const at = Date.now() + waitMs;
  if (at >= listAt) return;
  listAt = at;
  clearTimeout(listTimer);
  listTimer = setTimeout(() => void list(), waitMs);
}

async function list(): Promise<void> {
  listAt = Infinity;
  try {
    if (connection.status === 'live' && document.visibilityState === 'visible') {
      const { topics, topicCount } = await fetchTopics();
      if (model.list(topics, topicCount)) table.listed();
      else table.arrange();
    }
  } catch {
    // The state of the connection says what is wrong; the next attempt comes soon.
  } finally {
    listSoon(LIST_EVERY_MS);
  }
}

connectThemeButton(find<HTMLButtonElement>('theme'), () => table.themeChanged());
document.addEventListener('visibilitychange', () => listSoon(0));
// eslint-disable-next-line no-new -- It lives by its listeners.
new ClientList();
listSoon(0);
stream.start();
