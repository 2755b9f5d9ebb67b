"""One-time codes by the same SMS gateway that notices go by (`integrations/messages/README.md` gives the agreement)."""

from __future__ import annotations

from qosymsha.domain.messages.ports import NotTaken, Sms
from qosymsha.domain.people.ports import CodeNotSent
from qosymsha.integrations.messages.gateway import GatewaySms
from qosymsha.kernel.entropy import uuid4

_TEXTS = {
    "kk": "Qosymsha kody: {code}. Eshkimge aitpanyz.",  # plain letters: one part, on every phone
    "ru": "Kod Qosymsha: {code}. Nikomu ego ne soobschaite.",
    "en": "Qosymsha code: {code}. Tell it to nobody.",
}


class GatewayCodeSender:
    """Hands codes to the SMS gateway; nothing is shown on the page.

    Raises:
        ValueError: the gateway's address or token is not set.
    """

    def __init__(self, gateway: GatewaySms | None = None) -> None:
        self._gateway = gateway or GatewaySms()

    def send(self, phone: str, code: str, language: str) -> str:
        """As the port says: sent, not shown. A try that is not answered is told as not sent; the person asks again.

        Raises:
            CodeNotSent: the gateway did not take it.
        """
        text = _TEXTS.get(language, _TEXTS["kk"]).format(code=code)
        try:
            self._gateway.send(Sms(uuid4(), phone, text))
        except NotTaken as fault:
            raise CodeNotSent from fault
        return ""
