"""Sending notices by SMS and e-mail. Ports: `domain.messages.ports.SmsGateway`, `MailSender`."""
