using System.Globalization;
using System.Threading.Channels;
using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// One attempt to get a lock. It waits without blocking the shared connection: ENQUEUE gives a ticket, the lock's channel tells of the
/// grant, and CLAIM, sent each third of the ticket's TTL, keeps the ticket and finds grants that the channel did not tell of.
/// Used by one caller, once.
/// </summary>
internal sealed class LockWaiter
{
    private static readonly TimeSpan TicketTtl = TimeSpan.FromSeconds(6);

    private readonly Executor _executor;
    private readonly string _name;
    private readonly Command _ask;
    private readonly bool _queues;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private long? _ticket;
    private long _settled; // the token that was taken; 0: none
    private bool _ended;
    private bool _askedAnew; // an earlier question, come late, may be what was granted

    public LockWaiter(Executor executor, string name, TimeSpan ttl, LockOptions options, string owner, bool queues)
    {
        (_executor, _name, _queues) = (executor, name, queues);
        _ask = Ask(name, ttl, options, owner, queues);
    }

    /// <summary>The grant; null: others hold it, and held it for that long.</summary>
    public async Task<LockGrant?> RunAsync(TimeSpan wait, CancellationToken cancellation)
    {
        try
        {
            if (await AskAsync(cancellation).ConfigureAwait(false) is { } grant) return Settle(grant);
            if (!_queues) return null;
            return await WaitAsync(wait, cancellation).ConfigureAwait(false) is { } waited ? Settle(waited) : null;
        }
        catch (Exception) when (_ticket is not null)
        {
            // Others need not wait for this ticket's end.
            _ = LeaveAsync();
            throw;
        }
        finally
        {
            Volatile.Write(ref _ended, true);
        }
    }

    private static Command Ask(string name, TimeSpan ttl, LockOptions options, string owner, bool queues)
    {
        var words = new List<object> { "ACQUIRE", (RedisKey)name, options.Lease is null ? Arguments.Ttl(ttl, nameof(ttl)) : 0L, "OWNER", owner };
        if (options.Lease is { } lease) words.AddRange(["LEASE", lease.Id]);
        if (options.Mode == LockMode.Shared) words.Add("SHARED");
        if (options.Mode == LockMode.Limit) words.AddRange(["LIMIT", options.Permits]);
        if (options.Advisory) words.Add("ADVISORY");
        if (options.Delay is { } delay) words.AddRange(["DELAY", (long)delay.TotalMilliseconds]);
        if (queues) words.AddRange(["ENQUEUE", (long)TicketTtl.TotalMilliseconds]);
        return Command.Of("LOCK", [.. words]);
    }

    private LockGrant Settle(LockGrant grant)
    {
        Volatile.Write(ref _settled, grant.Token);
        return grant;
    }

    /// <summary>Asks for the lock, or for a place in its queue.</summary>
    private async Task<LockGrant?> AskAsync(CancellationToken cancellation)
    {
        var answer = await _executor.RunAsync(_ask, Repeat.Safe, new Limits { Late = OnLate }, cancellation).ConfigureAwait(false);
        return Take(_ask, answer);
    }

    private async Task<LockGrant?> WaitAsync(TimeSpan wait, CancellationToken cancellation)
    {
        bool limited = wait != Timeout.InfiniteTimeSpan;
        long began = _executor.Time.GetTimestamp();
        var subscription = await SubscribeAsync(cancellation).ConfigureAwait(false);
        await using (subscription.ConfigureAwait(false))
        {
            // It may have been granted before the channel was heard.
            if (await ClaimAsync(cancellation).ConfigureAwait(false) is { } early) return early;
            for (;;)
            {
                TimeSpan pause = TicketTtl / 3;
                if (limited)
                {
                    TimeSpan left = wait - _executor.Time.GetElapsedTime(began);
                    if (left <= TimeSpan.Zero) return await CancelAsync(cancellation).ConfigureAwait(false);
                    if (left < pause) pause = left;
                }
                await WokenAsync(pause, cancellation).ConfigureAwait(false);
                if (await ClaimAsync(cancellation).ConfigureAwait(false) is { } grant) return grant;
            }
        }
    }

    private Task<IAsyncDisposable> SubscribeAsync(CancellationToken cancellation) => _executor.SubscribeAsync(
        LockEvents.Channel(_executor.Port.Database, _name),
        message =>
        {
            // After a reconnect the channel begins with a sync: what came between is not told.
            if (LockEvents.Parse((string?)message) is { } e && (e.Kind == LockEventKind.Sync || (e.Kind == LockEventKind.Granted && e.Ticket == _ticket)))
                _wake.Writer.TryWrite(true);
        },
        cancellation);

    private async Task WokenAsync(TimeSpan pause, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task woken = _wake.Reader.WaitToReadAsync(stop.Token).AsTask();
        await Task.WhenAny(woken, Task.Delay(pause, _executor.Time, stop.Token)).ConfigureAwait(false);
        _wake.Reader.TryRead(out _);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    private async Task<LockGrant?> ClaimAsync(CancellationToken cancellation)
    {
        if (_ticket is not { } ticket) return await AskAsync(cancellation).ConfigureAwait(false);
        Command command = Command.Of("LOCK", "CLAIM", (RedisKey)_name, ticket);
        var answer = await _executor.RunAsync(command, Repeat.Safe, new Limits { Late = OnLate }, cancellation).ConfigureAwait(false);
        if (!answer.Result.IsNull) return Take(command, answer);
        // The ticket is gone: nobody could be asked for longer than it lives. The queue is joined anew, at its end.
        _ticket = null;
        _askedAnew = true;
        return await AskAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The wait is over. What was granted before the server heard of it is taken.</summary>
    private async Task<LockGrant?> CancelAsync(CancellationToken cancellation)
    {
        if (_ticket is not { } ticket) return null;
        Command command = Command.Of("LOCK", "CANCEL", (RedisKey)_name, ticket);
        var answer = await _executor.RunAsync(command, Repeat.Safe, new Limits { Late = OnLate }, cancellation).ConfigureAwait(false);
        _ticket = null;
        return answer.Result.IsNull ? null : Take(command, answer);
    }

    /// <summary><c>[1, token, ttl]</c>, or else: a place in the queue, or who holds it.</summary>
    private LockGrant? Take(Command command, Answer answer)
    {
        RedisResult[] reply = answer.Result.Array(command, 3);
        long number = (long)reply[1];
        if ((long)reply[0] == 1)
        {
            // Neither a repeated ACQUIRE nor a repeated CLAIM extends a grant.
            return new LockGrant(number, reply[2].Milliseconds(), answer.FirstSent, _askedAnew || answer.Repeated);
        }
        if (_queues && command.Arguments[0] is not "CANCEL") _ticket = number;
        return null;
    }

    private async Task LeaveAsync()
    {
        if (_ticket is not { } ticket) return;
        Command command = Command.Of("LOCK", "CANCEL", (RedisKey)_name, ticket);
        try { Free(await _executor.AskAsync(command, Repeat.Safe, CancellationToken.None).ConfigureAwait(false)); }
        catch (ClustronException) { } // It ends by its TTL.
    }

    /// <summary>
    /// A reply to an attempt that nobody waits for. While the waiter goes on, its next question finds the same grant or ticket; behind that
    /// it is given back, unless it is what was taken.
    /// </summary>
    private void OnLate(RedisResult result)
    {
        if (!Volatile.Read(ref _ended) || !result.IsArray() || ((RedisResult[])result!) is not [var granted, var number, ..]) return;
        if ((long)granted == 1) Free(result);
        else if (_queues) _ = ObserveAsync(_executor.AskAsync(Command.Of("LOCK", "CANCEL", (RedisKey)_name, (long)number), Repeat.Safe, CancellationToken.None));
    }

    private void Free(RedisResult result)
    {
        if (!result.IsArray() || ((RedisResult[])result!) is not [var granted, var token, ..] || (long)granted != 1) return;
        if ((long)token != Volatile.Read(ref _settled))
            _ = ObserveAsync(LockHandle.ReleaseAsync(_executor, _name, (long)token, CancellationToken.None));
    }

    private static async Task ObserveAsync(Task task)
    {
        try { await task.ConfigureAwait(false); }
        catch (ClustronException) { } // It ends by its TTL.
    }
}
