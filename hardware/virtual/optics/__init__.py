"""What glass does to light: side views of vials with known contents before a panel, as a camera gives them."""
