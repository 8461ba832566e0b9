// Tests measure times, and the machine has two cores.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
