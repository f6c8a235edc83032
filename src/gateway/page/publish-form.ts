import { element, setText } from './elements.ts';
import { sendMessage } from './requests.ts';

/** Publishes to one topic. */
export class PublishForm {
  readonly form = element('form', { class: 'publish' });
  readonly #topic: string;
  readonly #input = element('textarea', {
    attributes: { id: 'publish-value', rows: '2', spellcheck: 'false', autocapitalize: 'none' },
  });
  readonly #button = element('button', { text: 'Publish', class: 'main', attributes: { type: 'submit' } });
  readonly #outcome = element('p', { class: 'outcome', attributes: { role: 'status' } });

  constructor(topic: string) {
    this.#topic = topic;
    const label = element('label', { text: 'Publish a JSON value', attributes: { for: 'publish-value' } });
    this.#input.placeholder = '{ "price": 12.5 }';
    this.form.append(label, this.#input, element('div', {}, this.#button, this.#outcome));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#publish();
    });
    this.#input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
  }

  async #publish(): Promise<void> {
    const json = this.#input.value;
    const problem = problemOf(json);
    if (problem !== undefined) return this.#tell(problem, true);
    this.#button.disabled = true;
    try {
      this.#tell(`Published as message ${await sendMessage(this.#topic, json)}.`, false);
    } catch (error) {
      this.#tell(`Not published: ${(error as Error).message}`, true);
    } finally {
      this.#button.disabled = false;
    }
  }

  #tell(text: string, isProblem: boolean): void {
    this.#outcome.classList.toggle('problem', isProblem);
    setText(this.#outcome, text);
  }
}

function problemOf(json: string): string | undefined {
  if (json.trim() === '') return 'Enter a value, such as 12.5 or "text".';
  try {
    JSON.parse(json);
    return undefined;
  } catch {
    return 'This is not JSON. Put text in double quotes, such as "open".';
  }
}
