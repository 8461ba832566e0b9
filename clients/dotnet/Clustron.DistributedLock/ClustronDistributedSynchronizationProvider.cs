using Medallion.Threading;

namespace Clustron.DistributedLock;

/// <summary>
/// Clustron's locks as Medallion's: locks, reader-writer locks and semaphores, with fair queues. All are advisory. The calls that are not
/// asynchronous block their thread, not the connection. Thread-safe.
/// </summary>
/// <param name="client">The connection.</param>
/// <param name="ttl">How long a lock outlives a process that died; null: 30 s. It is renewed meanwhile.</param>
public sealed class ClustronDistributedSynchronizationProvider(ClustronClient client, TimeSpan? ttl = null)
    : IDistributedLockProvider, IDistributedReaderWriterLockProvider, IDistributedSemaphoreProvider
{
    private static readonly LockOptions Advisory = new() { Advisory = true, NotifyLoss = true };
    private readonly TimeSpan _ttl = ttl ?? TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public IDistributedLock CreateLock(string name) =>
        new Mutex(name, (wait, stop) => client.Locks.TryAcquireAsync(name, _ttl, wait, Advisory, stop));

    /// <inheritdoc/>
    public IDistributedReaderWriterLock CreateReaderWriterLock(string name) =>
        new ReaderWriterLock(
            name,
            (wait, stop) => client.Locks.TryAcquireSharedAsync(name, _ttl, wait, Advisory, stop),
            (wait, stop) => client.Locks.TryAcquireAsync(name, _ttl, wait, Advisory, stop));

    /// <inheritdoc/>
    public IDistributedSemaphore CreateSemaphore(string name, int maxCount) =>
        new Semaphore(name, maxCount, (wait, stop) => client.Locks.TryAcquirePermitAsync(name, maxCount, _ttl, wait, Advisory, stop));

    private sealed class Handle(LockHandle handle) : IDistributedSynchronizationHandle
    {
        public CancellationToken HandleLostToken => handle.LostToken;
        public void Dispose() => Task.Run(() => handle.DisposeAsync().AsTask()).GetAwaiter().GetResult();
        public ValueTask DisposeAsync() => handle.DisposeAsync();
    }

    private delegate Task<LockHandle?> Ask(TimeSpan wait, CancellationToken cancellation);

    private static async ValueTask<IDistributedSynchronizationHandle?> TryAsync(Ask ask, TimeSpan wait, CancellationToken stop) =>
        await ask(wait, stop).ConfigureAwait(false) is { } handle ? new Handle(handle) : null;

    private static async ValueTask<IDistributedSynchronizationHandle> GetAsync(Ask ask, string name, TimeSpan? wait, CancellationToken stop) =>
        await TryAsync(ask, wait ?? Timeout.InfiniteTimeSpan, stop).ConfigureAwait(false)
            ?? throw new TimeoutException($"Others held '{name}' for all of {wait}.");

    private static T Block<T>(Func<ValueTask<T>> ask) => Task.Run(() => ask().AsTask()).GetAwaiter().GetResult();

    private sealed class Mutex(string name, Ask ask) : IDistributedLock
    {
        public string Name => name;

        public IDistributedSynchronizationHandle? TryAcquire(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            Block(() => TryAsync(ask, timeout, cancellationToken));

        public IDistributedSynchronizationHandle Acquire(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Block(() => GetAsync(ask, name, timeout, cancellationToken));

        public ValueTask<IDistributedSynchronizationHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryAsync(ask, timeout, cancellationToken);

        public ValueTask<IDistributedSynchronizationHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            GetAsync(ask, name, timeout, cancellationToken);
    }

    private sealed class ReaderWriterLock(string name, Ask read, Ask write) : IDistributedReaderWriterLock
    {
        public string Name => name;

        public IDistributedSynchronizationHandle? TryAcquireReadLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            Block(() => TryAsync(read, timeout, cancellationToken));

        public IDistributedSynchronizationHandle AcquireReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Block(() => GetAsync(read, name, timeout, cancellationToken));

        public ValueTask<IDistributedSynchronizationHandle?> TryAcquireReadLockAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryAsync(read, timeout, cancellationToken);

        public ValueTask<IDistributedSynchronizationHandle> AcquireReadLockAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            GetAsync(read, name, timeout, cancellationToken);

        public IDistributedSynchronizationHandle? TryAcquireWriteLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            Block(() => TryAsync(write, timeout, cancellationToken));

        public IDistributedSynchronizationHandle AcquireWriteLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Block(() => GetAsync(write, name, timeout, cancellationToken));

        public ValueTask<IDistributedSynchronizationHandle?> TryAcquireWriteLockAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryAsync(write, timeout, cancellationToken);

        public ValueTask<IDistributedSynchronizationHandle> AcquireWriteLockAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            GetAsync(write, name, timeout, cancellationToken);
    }

    private sealed class Semaphore(string name, int maxCount, Ask ask) : IDistributedSemaphore
    {
        public string Name => name;
        public int MaxCount => maxCount;

        public IDistributedSynchronizationHandle? TryAcquire(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            Block(() => TryAsync(ask, timeout, cancellationToken));

        public IDistributedSynchronizationHandle Acquire(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Block(() => GetAsync(ask, name, timeout, cancellationToken));

        public ValueTask<IDistributedSynchronizationHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryAsync(ask, timeout, cancellationToken);

        public ValueTask<IDistributedSynchronizationHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            GetAsync(ask, name, timeout, cancellationToken);
    }
}
