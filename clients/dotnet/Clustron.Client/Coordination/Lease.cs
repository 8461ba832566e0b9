using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// A lease that this process keeps alive: the keys and locks attached to it live as long as it does. Disposing revokes it. Thread-safe.
/// </summary>
public sealed class Lease : IAsyncDisposable
{
    private readonly Executor _executor;
    private readonly KeepAlive _life;
    private int _over;

    internal Lease(Executor executor, KeepAlive life, string id, TimeSpan ttl, long revision, bool keepAlive)
    {
        (_executor, _life, Id, Ttl, Revision) = (executor, life, id, ttl, revision);
        if (keepAlive) _life.Start(ttl / 3, RenewAsync);
    }

    /// <summary>What <see cref="PutOptions.LeaseId"/> and <see cref="LockOptions.Lease"/> take.</summary>
    public string Id { get; }

    /// <summary>It ends so long after the last keepalive.</summary>
    public TimeSpan Ttl { get; }

    /// <summary>Of the grant.</summary>
    public long Revision { get; }

    /// <summary>
    /// Fires when the lease is lost: when the server says so, or, without any reply, at the send time of the last keepalive that was
    /// confirmed + <see cref="Ttl"/> by this machine's monotonic clock, at the latest. It does not fire when the lease is revoked here.
    /// </summary>
    public CancellationToken LostToken => _life.LostToken;

    /// <summary>It is lost, or about to be told so.</summary>
    public bool IsLost => _life.IsLost;

    /// <summary>What it has at least, without any further keepalive.</summary>
    public TimeSpan Remaining => _life.Remaining;

    internal KeepAlive Life => _life;

    /// <summary>The command with the keys that it writes attached to the lease, or not done at all (<c>LEASE DO</c>).</summary>
    public Command Wrap(Command command) => command.Under("LEASE", "DO", Id);

    /// <summary>Attaches existing keys, all or none.</summary>
    /// <exception cref="NoLeaseException">The lease is gone.</exception>
    public async Task<long> AttachAsync(IEnumerable<RedisKey> keys, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(Command.Of("LEASE", ["ATTACH", Id, .. keys.Select(k => (object)k)]), RequestId.New(), cancellation).ConfigureAwait(false);

    /// <summary>A keepalive now, beside those that are sent anyway. False: the lease is lost.</summary>
    public async Task<bool> KeepAliveAsync(CancellationToken cancellation = default)
    {
        Renewal renewal = await RenewAsync(_life.Remaining, cancellation).ConfigureAwait(false);
        if (renewal.Alive) _life.Extend(renewal);
        else _life.Lose(LossReason.Gone);
        return renewal.Alive && !_life.IsLost;
    }

    /// <summary>Ends it at once, and what is attached to it. Returns how many keys were deleted.</summary>
    public async Task<long> RevokeAsync(CancellationToken cancellation = default)
    {
        Volatile.Write(ref _over, 1);
        await _life.DisposeAsync().ConfigureAwait(false);
        return await Leases.RevokeAsync(_executor, Id, cancellation).ConfigureAwait(false);
    }

    /// <summary>Revokes it, unless it was; if that can't be said to the server, it ends by its TTL.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0) return;
        TimeSpan left = _life.Remaining;
        await _life.DisposeAsync().ConfigureAwait(false);
        try { await Leases.RevokeAsync(_executor, Id, CancellationToken.None, left).ConfigureAwait(false); }
        catch (ClustronException) { }
    }

    private async Task<Renewal> RenewAsync(TimeSpan left, CancellationToken cancellation)
    {
        Command command = Command.Of("LEASE", "KEEPALIVE", Id);
        var answer = await _executor.RunAsync(command, Repeat.Safe, LockHandle.RenewalLimits(left), cancellation).ConfigureAwait(false);
        return new Renewal(!answer.Result.Array(command, 1)[0].IsNull, answer.Sent, Ttl);
    }
}
