"""From what was seen of a site to a draft of its profile, purely: nothing here asks the network or writes a file."""
