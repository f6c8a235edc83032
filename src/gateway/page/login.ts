/** The gateway answers a wrong token with the form again, at the address that the token was sent to. */
if (location.pathname !== '/' || new URLSearchParams(location.search).has('token')) {
  document.querySelector<HTMLElement>('#wrong')!.hidden = false;
}
