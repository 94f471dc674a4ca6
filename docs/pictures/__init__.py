"""The pictures of the pages on methods: `make pictures` draws them anew."""
