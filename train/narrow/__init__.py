"""Narrowing a network: fewer channels, chosen by what they do, with the weights of those that stay."""
