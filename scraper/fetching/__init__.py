"""The two doors to the network: a resolver that guards addresses and a tap that keeps exchanges."""
