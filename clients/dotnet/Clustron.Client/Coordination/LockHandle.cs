using System.Globalization;
using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>A lock that this process holds, and renews until the handle is disposed of, which releases it. Thread-safe.</summary>
/// <remarks>
/// <see cref="LostToken"/> tells a holder to stop. What keeps a holder that does not notice (a long pause of its process) from doing harm
/// is the token: write by <see cref="Wrap"/> or under <see cref="TxnCondition.Holds(LockHandle)"/>, and the server refuses it.
/// </remarks>
public sealed class LockHandle : IAsyncDisposable
{
    private readonly Executor _executor;
    private readonly KeepAlive _life;
    private readonly LockOptions _options;
    private readonly CancellationTokenSource? _either;
    private IAsyncDisposable? _subscription;
    private int _over;

    private LockHandle(Executor executor, KeepAlive life, string name, LockOptions options, long token, TimeSpan ttl)
    {
        (_executor, _life, _options, Name, Token, Ttl) = (executor, life, options, name, token, ttl);
        if (options.Lease is { } lease) _either = CancellationTokenSource.CreateLinkedTokenSource(life.LostToken, lease.LostToken);
        LostToken = _either?.Token ?? life.LostToken;
    }

    /// <summary>The lock's name, and of the key that it guards.</summary>
    public string Name { get; }

    /// <summary>The fencing token: larger than that of every earlier holder.</summary>
    public long Token { get; }

    /// <summary>How long it outlives this process; zero: as long as its lease.</summary>
    public TimeSpan Ttl { get; }

    /// <summary>
    /// Fires when the lock is lost: when the server says so, or, without any reply, at the send time of the last renewal that was confirmed
    /// + <see cref="Ttl"/> by this machine's monotonic clock, at the latest. It does not fire when the lock is released here.
    /// </summary>
    public CancellationToken LostToken { get; }

    /// <summary>It is lost, or about to be told so.</summary>
    public bool IsLost => (_options.Lease?.IsLost ?? false) || _life.IsLost;

    /// <summary>What it has at least, without any further renewal.</summary>
    public TimeSpan Remaining => _options.Lease is { } lease ? (_life.LostToken.IsCancellationRequested ? TimeSpan.Zero : lease.Remaining) : _life.Remaining;

    /// <summary>The command under this lock (<c>LOCK DO</c>): refused with <see cref="FencedException"/> if it is not held any more.</summary>
    public Command Wrap(Command command) => command.Under("LOCK", "DO", (RedisKey)Name, Token);

    /// <summary>Runs a command under this lock.</summary>
    /// <exception cref="FencedException">The lock is not held any more; nothing was done.</exception>
    public Task<RedisResult> ExecuteAsync(Command command, RequestId? request = null, CancellationToken cancellation = default) =>
        _executor.WriteAsync(Wrap(command), request, cancellation);

    /// <summary>Asks the server whether the lock is still held by this token.</summary>
    public async Task<bool> CheckAsync(CancellationToken cancellation = default) =>
        (long)await _executor.AskAsync(Command.Of("LOCK", "CHECK", (RedisKey)Name, Token), Repeat.Read, cancellation).ConfigureAwait(false) == 1;

    /// <summary>Renews it now, to its TTL. False: it is lost.</summary>
    /// <exception cref="InvalidOperationException">It lives by a lease.</exception>
    public async Task<bool> RenewAsync(CancellationToken cancellation = default)
    {
        if (_options.Lease is not null) throw new InvalidOperationException($"Lock '{Name}' lives by its lease; renew that.");
        Renewal renewal = await ExtendAsync(_life.Remaining, cancellation).ConfigureAwait(false);
        if (renewal.Alive) _life.Extend(renewal);
        else _life.Lose(LossReason.Gone);
        return renewal.Alive && !_life.IsLost;
    }

    /// <summary>Gives it back. False: it was not held any more.</summary>
    public async Task<bool> ReleaseAsync(CancellationToken cancellation = default)
    {
        if (Interlocked.Exchange(ref _over, 1) != 0) return false;
        await EndAsync().ConfigureAwait(false);
        var answer = await ReleaseAsync(_executor, Name, Token, cancellation).ConfigureAwait(false);
        // A repeat finds it released: by the attempt whose answer was lost, as a lost lock would be known.
        return (long)answer.Result == 1 || (answer.Repeated && !_life.IsLost);
    }

    /// <summary>Releases it, unless it was; if that can't be said to the server, it ends by its TTL.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0) return;
        TimeSpan left = Remaining;
        await EndAsync().ConfigureAwait(false);
        try { await ReleaseAsync(_executor, Name, Token, CancellationToken.None, left).ConfigureAwait(false); }
        catch (ClustronException) { }
    }

    /// <summary>A renewal goes to another node soon, and is told to have failed while there is time for the next one.</summary>
    internal static Limits RenewalLimits(TimeSpan left)
    {
        double third = left.TotalMilliseconds / 3;
        return new Limits { HedgeAfter = TimeSpan.FromMilliseconds(Math.Clamp(third / 2, 30, 1000)), RetryFor = TimeSpan.FromMilliseconds(Math.Clamp(third, 100, 5000)) };
    }

    internal static async Task<LockHandle> StartAsync(Executor executor, ILogger log, string name, LockOptions options, LockGrant grant, CancellationToken cancellation)
    {
        TimeSpan term = options.Lease is null ? grant.Ttl : Arguments.LongestTtl * 12; // By the lease: the handle has no end of its own.
        string what = string.Create(CultureInfo.InvariantCulture, $"lock '{name}', token {grant.Token}");
        var life = new KeepAlive(executor.Time, log, what, new Renewal(true, grant.Since, term));
        var handle = new LockHandle(executor, life, name, options, grant.Token, grant.Ttl);
        try
        {
            // An earlier attempt may be the one that was granted: only what is renewed now counts from now.
            if (grant.Ambiguous && options.Lease is null) await handle.RenewAsync(cancellation).ConfigureAwait(false);
            if (options.NotifyLoss) await handle.SubscribeAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await handle.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        if (options.AutoRenew && options.Lease is null) life.Start(grant.Ttl / 3, handle.ExtendAsync);
        return handle;
    }

    /// <param name="executor">The way to the server.</param>
    /// <param name="name">The lock.</param>
    /// <param name="token">Its holder's.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="left">It ends by itself then, so that it is not tried much longer.</param>
    internal static Task<Answer> ReleaseAsync(Executor executor, string name, long token, CancellationToken cancellation, TimeSpan? left = null) =>
        executor.RunAsync(Command.Of("LOCK", "RELEASE", (RedisKey)name, token), Repeat.Safe, EndLimits(left), cancellation);

    /// <summary>Of a release or revoke: a second at least, and no longer than what it ends has left, or the client repeats commands.</summary>
    internal static Limits EndLimits(TimeSpan? left) =>
        left is { } time ? new Limits { RetryFor = TimeSpan.FromMilliseconds(Math.Clamp(time.TotalMilliseconds, 1000, 10_000)) } : Limits.None;

    private async Task SubscribeAsync(CancellationToken cancellation)
    {
        _subscription = await FollowAsync(cancellation).ConfigureAwait(false);
        // What happened before the subscription is not told.
        if (!await CheckAsync(cancellation).ConfigureAwait(false)) _life.Lose(LossReason.Gone);
    }

    private Task<IAsyncDisposable> FollowAsync(CancellationToken cancellation)
    {
        string mine = Token.ToString(CultureInfo.InvariantCulture);
        return _executor.SubscribeAsync(
            LockEvents.Channel(_executor.Port.Database, Name),
            message =>
            {
                if (LockEvents.IsEndOf((string?)message, mine)) _life.Lose(LossReason.Gone);
            },
            cancellation);
    }

    private async ValueTask EndAsync()
    {
        if (_subscription is { } subscription) await subscription.DisposeAsync().ConfigureAwait(false);
        await _life.DisposeAsync().ConfigureAwait(false);
        _either?.Dispose();
    }

    private async Task<Renewal> ExtendAsync(TimeSpan left, CancellationToken cancellation)
    {
        Command command = Command.Of("LOCK", "RENEW", (RedisKey)Name, Token, (long)Ttl.TotalMilliseconds);
        var answer = await _executor.RunAsync(command, Repeat.Safe, RenewalLimits(left), cancellation).ConfigureAwait(false);
        return new Renewal(!answer.Result.IsNull, answer.Sent, Ttl);
    }
}

/// <param name="Token">The fencing token.</param>
/// <param name="Ttl">As granted.</param>
/// <param name="Since">Timestamp before the attempt was sent that may have been granted first.</param>
/// <param name="Ambiguous">It is not known from which attempt on the TTL counts.</param>
internal readonly record struct LockGrant(long Token, TimeSpan Ttl, long Since, bool Ambiguous);
