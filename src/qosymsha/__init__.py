"""qosymsha: public money as vouchers for children's clubs, in an order anyone can check."""

__version__ = "0.8.0"
