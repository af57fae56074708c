"""Engine: llama.cpp's server as a child process that ends with its parent."""
