"""Images as they lie on a disk: where, which of them can be read, and how one becomes a tensor."""
