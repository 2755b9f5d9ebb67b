// Passkeys: asks the house for a question, lets the browser and the device answer it, sends the answer with the form.
// Without this script (or in a browser without passkeys) the forms stay hidden; the authenticator app works without.
"use strict"
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), sign => sign.charCodeAt(0))
const words = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")
const listed = found => (found || []).map(one => ({ ...one, id: bytes(one.id) }))

async function question(form) {
  const token = form.elements.csrfmiddlewaretoken.value
  const answer = await fetch(form.dataset.ask, {
    method: "POST", headers: { "X-CSRFToken": token }, credentials: "same-origin", redirect: "manual",
  })
  if (answer.type === "opaqueredirect") { location.reload(); throw new Error("signed out") }
  const told = await answer.json()
  if (!answer.ok) throw Object.assign(new Error("refused"), { sentence: told.sentence })
  return told
}

async function made(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials) }
  const { rawId, type, response } = await navigator.credentials.create({ publicKey })
  return { id: words(rawId), rawId: words(rawId), type, response: {
    clientDataJSON: words(response.clientDataJSON), attestationObject: words(response.attestationObject) } }
}

async function signed(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) }
  const { rawId, type, response } = await navigator.credentials.get({ publicKey })
  return { id: words(rawId), rawId: words(rawId), type, response: {
    clientDataJSON: words(response.clientDataJSON), authenticatorData: words(response.authenticatorData),
    signature: words(response.signature) } }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue
  const fault = form.querySelector("[role=alert]")
  form.hidden = false
  document.querySelectorAll(`[data-without="${form.id}"]`).forEach(one => { one.hidden = true })
  form.addEventListener("submit", async event => {
    event.preventDefault()
    const button = form.querySelector("button")
    button.disabled = true
    fault.hidden = true
    try {
      const options = await question(form)
      const answer = await (form.dataset.passkey === "create" ? made : signed)(options)
      form.elements.answer.value = JSON.stringify(answer)
      form.submit()
    } catch (error) {
      fault.textContent = error.sentence || form.dataset.failed
      fault.hidden = false
      button.disabled = false
    }
  })
}
document.documentElement.dataset.passkeys = window.PublicKeyCredential ? "ready" : "none"
