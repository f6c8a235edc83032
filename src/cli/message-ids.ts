/**
 * The journal's MESSAGE_ID of each kind of line, by its words up to the first colon. They stay the same for
 * ever: people's alerts go by them.
 */
export const messageIds: Readonly<Record<string, string>> = {
  listening: '8c10a079937b608eab593a1d20cd890d',
  'cannot start': 'be2313ffe197e3ab0b7e52acf27ca371',
  'these settings have no effect': '9e65f6c4b0f972aeb44b136fddb7620b',
  stopping: '5707ff25ffc40f992882d109c09eeb88',
  stopped: 'ccec09d8afe28d85a541be605ae6aae5',
  reloaded: '4b163da46dcc2c562244cc04213f7312',
  'the configuration may not mean what it says': '5b0f8a1c93d24e77a6c1d0e2f4983b6e',
  'reload failed': 'a43aae17797b8bd3fcadd9fcb3165d7f',
  'these settings have changed and need a restart': '628263e7671e3fbf01e5ba4a8cc8d349',
  'client connected': '12af2ac24af0ba311907dcae21d4de49',
  'client registered': '5f9c321ddf6169a84af870b7b76456e7',
  'client registered by a knock': '08afb6a45f5b95bae0c39c5470589add',
  'client knocked again': 'fd86e991bf9b7f9882631f512621d335',
  'client disconnected': '5adbabeef83dee6e73b9d49653a0b895',
  'client is slow': 'f06613d6d418c9064f426dd608f8deee',
  'client has caught up': '7508481a6f5fb925d25883db5b2ed496',
  'client was away too long': '99ffb98762934712b73da8ca7d0ab0d7',
  'client is stalled': '8fb8f41caf3caa36afdf0bdb82374298',
  'the limit of open files allows fewer clients than clients.max': '8468644587db47ed7e60b6f5067d18c1',
  'the socket is gone': 'd5031827afe460032e2a2bf315aa8715',
  rejected: '75158b5292025609b079668d5a03814a',
  'topic has its first client': '9181c2c0bfa0ba1c9449ee696accfbca',
  'topic has lost its last client': '39afca5de7e27bae58e0ddc4610043a6',
  sent: 'ecc1a1134e6e5d3f120d4cab6ba556f2',
  'source is failing': '54d30cdaf0e18da8eec8fc43d7f0a848',
  'source has recovered': '27c53972f0754a34f08f41d476a1618d',
  'the saved state cannot be used': 'b33fdab021a8ad6f11ddf379c2a2daac',
  'the state cannot be saved': '53f5138101656d088fbbc0eff0ae955d',
  'cannot accept a client': '5cf5c7f7c0ce172420b500194bf0bb51',
  'the schedule stands still': '5babb29198f4e5229cdc7e668afe0243',
  'log lines were left out': 'ca055dec7859d55a787d37a1af4d383e',
  'log lines were dropped': '2a8920d93e0c023ae494a72a3a0e01ac',
  'second signal': '4a7206abe9f398e1442321f4fd089c54',
  'fatal error': 'aa38617cd5d49a6d7fa786909f6c361f',
  'internal error': '45328c014666ecf88dced15373395f3d',
  'no file lock here': '1c54f84a158ae05b4d088f33cc38e4e9',
  'who connects cannot be told': '15eba9b63d2f199590c57a19bd87a562',
  'the socket that systemd passes cannot be taken': '6e198b599e5a7e2992aa0fdb7d202b68',
  'systemd cannot be told how we are': '651f7d44d15654c81f58b186ead1dcb2',
  'the journal cannot be reached': 'd44c104c755619c257822466f26b0434',
};

/** The id of a line; undefined for one that is no kind of its own, such as a module's. */
export function messageId(message: string): string | undefined {
  const [kind = ''] = message.split(':', 1);
  return Object.hasOwn(messageIds, kind) ? messageIds[kind] : undefined;
}
