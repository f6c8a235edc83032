/**
 * The events that the daemon logs, each with the journal's MESSAGE_ID. Both stay the same for ever, whatever the lines say:
 * people's alerts go by them.
 */
export const logEvents = {
  listening: '8c10a079937b608eab593a1d20cd890d',
  'cannot-start': 'be2313ffe197e3ab0b7e52acf27ca371',
  'settings-without-effect': '9e65f6c4b0f972aeb44b136fddb7620b',
  stopping: '5707ff25ffc40f992882d109c09eeb88',
  stopped: 'ccec09d8afe28d85a541be605ae6aae5',
  reloaded: '4b163da46dcc2c562244cc04213f7312',
  'configuration-doubtful': '5b0f8a1c93d24e77a6c1d0e2f4983b6e',
  'reload-failed': 'a43aae17797b8bd3fcadd9fcb3165d7f',
  'settings-need-restart': '628263e7671e3fbf01e5ba4a8cc8d349',
  'client-connected': '12af2ac24af0ba311907dcae21d4de49',
  'client-registered': '5f9c321ddf6169a84af870b7b76456e7',
  'client-registered-by-knock': '08afb6a45f5b95bae0c39c5470589add',
  'client-knocked-again': 'fd86e991bf9b7f9882631f512621d335',
  'client-disconnected': '5adbabeef83dee6e73b9d49653a0b895',
  'client-slow': 'f06613d6d418c9064f426dd608f8deee',
  'client-caught-up': '7508481a6f5fb925d25883db5b2ed496',
  'client-away-too-long': '99ffb98762934712b73da8ca7d0ab0d7',
  'client-stalled': '8fb8f41caf3caa36afdf0bdb82374298',
  'few-descriptors': '8468644587db47ed7e60b6f5067d18c1',
  'socket-gone': 'd5031827afe460032e2a2bf315aa8715',
  rejected: '75158b5292025609b079668d5a03814a',
  'topic-first-client': '9181c2c0bfa0ba1c9449ee696accfbca',
  'topic-last-client-left': '39afca5de7e27bae58e0ddc4610043a6',
  sent: 'ecc1a1134e6e5d3f120d4cab6ba556f2',
  'source-failing': '54d30cdaf0e18da8eec8fc43d7f0a848',
  'source-recovered': '27c53972f0754a34f08f41d476a1618d',
  'watch-incomplete': '1e3b3351ca8f5e46756458524b0f721f',
  'topics-provided': '2f6f5a0a7a9c4f0f9a2e7d1c3b58e614',
  'topics-given-up': 'c1d7e4b6a25f4d0b8f73e90a6c9b1d52',
  'provider-gone': '7be0c93a41d84f6c9d15a2f8e6b3074d',
  'state-unusable': 'b33fdab021a8ad6f11ddf379c2a2daac',
  'state-not-saved': '53f5138101656d088fbbc0eff0ae955d',
  'cannot-accept': '5cf5c7f7c0ce172420b500194bf0bb51',
  'schedule-stands-still': '5babb29198f4e5229cdc7e668afe0243',
  'lines-left-out': 'ca055dec7859d55a787d37a1af4d383e',
  'lines-dropped': '2a8920d93e0c023ae494a72a3a0e01ac',
  'second-signal': '4a7206abe9f398e1442321f4fd089c54',
  'fatal-error': 'aa38617cd5d49a6d7fa786909f6c361f',
  'internal-error': '45328c014666ecf88dced15373395f3d',
  'no-file-lock': '1c54f84a158ae05b4d088f33cc38e4e9',
  'no-credentials': '15eba9b63d2f199590c57a19bd87a562',
  'no-socket-activation': '6e198b599e5a7e2992aa0fdb7d202b68',
  'no-notifications': '651f7d44d15654c81f58b186ead1dcb2',
  'no-journal': 'd44c104c755619c257822466f26b0434',
  'lock-gone': 'f0568d0f4a01c5089e34ef83a86d09fc',
  'gateway-listening': '2288f4260f2953d07790ea4ad0ab46ff',
  'fleet-link-made': '7cde2dd58956dae943b6ea619262077b',
  'fleet-link-lost': '5b1c657f789771d8a78c5d17d2aa8f80',
  'fleet-refused': '05ab0872712c8767b95770900f283797',
  'fleet-daemon': '3cf93cef15edd9dbc58608340936abb0',
  'fleet-machine-here': '21badbac57470a75a70387f22062cf8f',
  'fleet-machine-away': '95ebb8959ad6c60514dc2caf064fcdb7',
  'fleet-topic-refused': 'b33b288e88c406eca74010dc07158525',
  'fleet-message-too-large': '1a7e7bf2a67c6aa42b4c2b0282d891d4',
  'no-clock-quality': '3f0c6b1e84d94a27b5d8e1927c60fa45',
  'gave-up': '7d3a91f05c2e4b68a1f49e0c8b52d637',
  'no-orphans': '849bcee8be31f1065752169b85f996d7',
} as const;

export type LogEvent = keyof typeof logEvents;

/** Fields of a line, and what it is about. */
export type EventFields = { event: LogEvent } & Record<string, unknown>;

type EventMethod = (fields: EventFields, message: string) => void;

/** What the daemon asks of a logger: each line says which event it is about. */
export interface EventLog {
  debug: EventMethod;
  info: EventMethod;
  warn: EventMethod;
  error: EventMethod;
}
