"""What is seen of pairs in receivers' folders: taken, processed, refused."""
