"""What instruments say and understand, as pure functions between bytes and values. Nothing here opens a port."""
