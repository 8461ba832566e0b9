using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// Locks with fencing tokens and fair queues: exclusive, readers and one writer, semaphores. Thread-safe; any number of tasks wait over one
/// connection, and none blocks it.
/// </summary>
public sealed class Locks
{
    private readonly Executor _executor;
    private readonly ClustronOptions _options;
    private readonly ILogger _log;

    internal Locks(Executor executor, ClustronOptions options)
    {
        (_executor, _options) = (executor, options);
        _log = options.LoggerFactory.CreateLogger<Locks>();
    }

    /// <summary>Gets the lock, and waits for it in its queue: first come, first served.</summary>
    /// <param name="name">Of the lock, and of the key that it guards unless it is advisory.</param>
    /// <param name="ttl">100 ms to 30 days: how long it outlives this process. It is renewed meanwhile. Ignored with a lease.</param>
    /// <param name="wait">How long to wait; null: for ever.</param>
    /// <param name="options">Lease, guard, delay, renewal.</param>
    /// <param name="cancellation">Leaves the queue.</param>
    /// <exception cref="TimeoutException">Others held it for all of that time.</exception>
    /// <exception cref="ClustronException">The cluster could not be reached, or the lock is one of another kind.</exception>
    public async Task<LockHandle> AcquireAsync(
        string name, TimeSpan ttl, TimeSpan? wait = null, LockOptions? options = null, CancellationToken cancellation = default) =>
        await TryAcquireAsync(name, ttl, wait ?? Timeout.InfiniteTimeSpan, options, cancellation).ConfigureAwait(false)
            ?? throw new TimeoutException($"Others held the lock '{name}' for all of {wait}.");

    /// <summary>Gets the lock if it is free within that time (none: without waiting); null if it is not.</summary>
    public async Task<LockHandle?> TryAcquireAsync(
        string name, TimeSpan ttl, TimeSpan wait = default, LockOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new LockOptions();
        Check(name, wait, options);
        string owner = $"{options.Owner ?? _options.OwnerName}/{Guid.NewGuid():N}";
        var waiter = new LockWaiter(_executor, name, ttl, options, owner, wait != TimeSpan.Zero);
        return await waiter.RunAsync(wait, cancellation).ConfigureAwait(false) is { } grant
            ? await LockHandle.StartAsync(_executor, _log, name, options, grant, cancellation).ConfigureAwait(false)
            : null;
    }

    /// <summary>Gets the lock beside other readers. Whoever calls <see cref="AcquireAsync"/> is a writer; writers do not starve.</summary>
    /// <exception cref="TimeoutException">A writer had it, or was before, for all of that time.</exception>
    public Task<LockHandle> AcquireSharedAsync(
        string name, TimeSpan ttl, TimeSpan? wait = null, LockOptions? options = null, CancellationToken cancellation = default) =>
        AcquireAsync(name, ttl, wait, Shared(options), cancellation);

    /// <summary>As <see cref="AcquireSharedAsync"/>; null if it is not to be had within that time.</summary>
    public Task<LockHandle?> TryAcquireSharedAsync(
        string name, TimeSpan ttl, TimeSpan wait = default, LockOptions? options = null, CancellationToken cancellation = default) =>
        TryAcquireAsync(name, ttl, wait, Shared(options), cancellation);

    /// <summary>Gets one of so many permits: a semaphore. All who ask at the same time must name the same number.</summary>
    /// <exception cref="TimeoutException">Others had all permits for all of that time.</exception>
    public Task<LockHandle> AcquirePermitAsync(
        string name, int permits, TimeSpan ttl, TimeSpan? wait = null, LockOptions? options = null, CancellationToken cancellation = default) =>
        AcquireAsync(name, ttl, wait, Limited(permits, options), cancellation);

    /// <summary>As <see cref="AcquirePermitAsync"/>; null if there is none within that time.</summary>
    public Task<LockHandle?> TryAcquirePermitAsync(
        string name, int permits, TimeSpan ttl, TimeSpan wait = default, LockOptions? options = null, CancellationToken cancellation = default) =>
        TryAcquireAsync(name, ttl, wait, Limited(permits, options), cancellation);

    /// <summary>Who holds it and how many wait; null: nobody.</summary>
    public async Task<LockInfo?> GetAsync(string name, CancellationToken cancellation = default)
    {
        Command command = Command.Of("LOCK", "INFO", (RedisKey)name);
        RedisResult reply = await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false);
        if (reply.IsNull) return null;
        RedisResult[] parts = reply.Array(command, 8);
        var fields = new Dictionary<string, RedisResult>();
        for (int i = 0; i + 1 < parts.Length; i += 2) fields[parts[i].Text()!] = parts[i + 1];
        IReadOnlyList<LockHolder> holders = [.. fields["holders"].Array(command).Select(row => HolderOf(command, row))];
        return new LockInfo(fields["mode"].Text()!, holders, (long)fields["waiters"]);
    }

    /// <summary>The locks that somebody holds or waits for, by their names; of one prefix if it is given.</summary>
    public IAsyncEnumerable<LockRow> ListAsync(string? prefix = null, CancellationToken cancellation = default) =>
        Pages.ListAsync(
            _executor, "LOCK", string.IsNullOrEmpty(prefix) ? [] : ["PREFIX", prefix], 7,
            row => new LockRow(row[0].Text()!, (long)row[1], row[2].Text() ?? "", row[3].Milliseconds(), row[4].Text()!, (long)row[5], (long)row[6]), cancellation);

    /// <summary>Ends all holders of a lock: for operators. The next in the queue get it.</summary>
    public async Task<bool> BreakAsync(string name, CancellationToken cancellation = default) =>
        (long)await _executor.AskAsync(Command.Of("LOCK", "BREAK", (RedisKey)name), Repeat.IfNotApplied, cancellation).ConfigureAwait(false) == 1;

    private static LockHolder HolderOf(Command command, RedisResult row)
    {
        RedisResult[] parts = row.Array(command, 5);
        return new LockHolder((long)parts[0], parts[1].Text() ?? "", parts[2].Milliseconds(), parts[3].Milliseconds(), parts[4].Text());
    }

    private static LockOptions Shared(LockOptions? options) => (options ?? new LockOptions()) with { Mode = LockMode.Shared };

    private static LockOptions Limited(int permits, LockOptions? options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(permits, 1);
        return (options ?? new LockOptions()) with { Mode = LockMode.Limit, Permits = permits };
    }

    private static void Check(string name, TimeSpan wait, LockOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (wait < TimeSpan.Zero && wait != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(nameof(wait), wait, "A wait is zero, above it, or Timeout.InfiniteTimeSpan.");
        if (options.Owner is { } owner) Arguments.Name(owner, nameof(options), 200);
        if (options.Lease is { IsLost: true } lease) throw new NoLeaseException($"NOLEASE lease '{lease.Id}' is lost");
    }
}
