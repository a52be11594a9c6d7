"""Egress that follows DNS: from a configuration and its policy to the network policies that let through just that.

``outgoing`` finds whom the server speaks with and ``server`` writes its own policy; ``grants`` takes the rules of
*policy* apart by namespace, and a module for each format writes them down. What a format cannot say is left out, never
made wider, and said.
"""
