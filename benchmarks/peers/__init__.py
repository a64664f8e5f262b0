"""fastnn beside other libraries: ``python -m benchmarks.peers`` in the root of the project.

One file a peer, one list of workloads (`workloads`), one table of variants (`variants`).  Each
variant, a peer with a number of threads, lives in a process of its own (`child`), takes orders
over a pipe and takes turns with the others (`contest`).  What a run has found is judged (`judge`),
written down (`report`) and drawn (`plots`).
"""
