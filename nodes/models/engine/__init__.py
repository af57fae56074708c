"""Engine: llama.cpp's server as a child process that ends with its parent.

server: starts and watches the child; child: the process itself; errors: why it does not start, and the way out. The
child imports nothing of ours: it needs neither our package on its path nor the time to import it.
"""
