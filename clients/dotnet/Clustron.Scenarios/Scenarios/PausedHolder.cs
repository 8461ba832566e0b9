using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 3: the holder of a lock stands still for longer than its TTL. A waiter whose lease has died is passed over, the next one gets the
/// lock and writes, and whatever the first holder sends when it wakes up is fenced. Nobody gets the lock before the TTL is over.
/// </summary>
internal sealed class PausedHolder(Pass pass) : Scenario(pass)
{
    private const int TtlMs = 2500, TicketMs = 60_000;
    private int _fenced, _late;

    public override int Number => 3;
    public override string Title => "paused holder of a lock";
    public override int StepsBehindAKill => 2;

    public override async Task<string> RunAsync()
    {
        await LoopsAsync(4, async (n, round) =>
        {
            if (await RoundAsync($"{Name}{n}.{round}")) Interlocked.Increment(ref _fenced);
            else Interlocked.Increment(ref _late);
            Step(1);
        });
        Check.That(_fenced > 0, "a holder was fenced");
        return $"{_fenced} holders were fenced, as many waiters without a lease passed over, {_late} rounds given up";
    }

    /// <summary>False: the machine was too slow for it.</summary>
    private async Task<bool> RoundAsync(string name)
    {
        Answer first = await Caller.SendAsync(["LOCK", "ACQUIRE", Key(name), TtlMs, "OWNER", name + "/first"]);
        long token = TokenOf(first.Result);
        var life = new Life(TimeSpan.FromMilliseconds(TtlMs), first.FirstSent);
        using var paused = new CancellationTokenSource();
        Task renewals = RenewAsync(name, token, life, paused.Token);
        bool inTime = await Caller.ErrorAsync(Caller.Once(name + "/write", ["LOCK", "DO", Key(name), token, "SET", Key(name), "first"])) == "";
        (string Dead, string Next)? tickets = inTime ? await QueueAsync(name) : null;
        inTime = tickets is not null && (await Caller.CallAsync("LOCK", "CHECK", Key(name), token)).Number() == 1;
        await paused.CancelAsync();
        await renewals;
        if (!inTime || tickets is not { } both) // NOLEASE, FENCED: only a machine that is too slow gets there.
        {
            return false;
        }
        Check.That((await Caller.CallAsync("LOCK", "CLAIM", Key(name), both.Dead)).IsNull, "the ticket of a lease that has died is still there");
        RedisResult[] granted = [];
        await Check.UntilAsync(async () =>
        {
            granted = (await Caller.CallAsync("LOCK", "CLAIM", Key(name), both.Next)).Array();
            return granted[0].Number() == 1;
        }, "the grant to the second");
        life.CheckOver("lock " + name);
        return await FencesAsync(name, token, granted[1].Number());
    }

    /// <summary>The keepalive of the first holder, until it is paused.</summary>
    private async Task RenewAsync(string name, long token, Life life, CancellationToken paused)
    {
        while (!paused.IsCancellationRequested)
        {
            Answer renewed = await Caller.SendAsync(["LOCK", "RENEW", Key(name), token, TtlMs]);
            if (!renewed.Result.IsNull) life.Confirm(renewed.Sent);
            else
            {
                life.CheckOver("lock " + name);
                return;
            }
            await Task.Delay(TtlMs / 5, paused).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>Two join the queue, and the lease of the first of them ends. Null: it ended before it had joined.</summary>
    private async Task<(string Dead, string Next)?> QueueAsync(string name)
    {
        string lease = name + "/lease";
        var life = new Life(TimeSpan.FromMilliseconds(700), (await Caller.SendAsync(["LEASE", "GRANT", 700, "ID", lease, "OWNER", lease])).FirstSent);
        RedisResult[] dead;
        try
        {
            dead = (await Caller.CallAsync("LOCK", "ACQUIRE", Key(name), TtlMs, "OWNER", name + "/dead", "LEASE", lease, "ENQUEUE", TicketMs)).Array();
        }
        catch (RedisServerException error) when (error.Message.StartsWith("NOLEASE", StringComparison.Ordinal))
        {
            life.CheckOver("lease " + lease);
            return null;
        }
        RedisResult[] next = (await Caller.CallAsync("LOCK", "ACQUIRE", Key(name), TtlMs, "OWNER", name + "/second", "ENQUEUE", TicketMs)).Array();
        if (dead[0].Number() != 0 || next[0].Number() != 0) return null; // The first one's lock was over.
        await Check.UntilAsync(async () => (await Caller.CallAsync("LEASE", "TTL", lease)).IsNull, "the end of the waiter's lease");
        life.CheckOver("lease " + lease);
        return (dead[1].Text()!, next[1].Text()!);
    }

    /// <summary>The second one writes; the first one wakes up. False: the second was too slow, too.</summary>
    private async Task<bool> FencesAsync(string name, long first, long second)
    {
        Check.That(second > first, $"token {second} behind token {first}");
        string error = await Caller.ErrorAsync(Caller.Once(name + "/second", ["LOCK", "DO", Key(name), second, "SET", Key(name), "second"]));
        if (error.StartsWith("FENCED", StringComparison.Ordinal)) return false;
        Check.Equal("", error, "the second holder's write");
        string late = await Caller.ErrorAsync(Caller.Once(name + "/late", ["LOCK", "DO", Key(name), first, "SET", Key(name), "late"]));
        Check.That(late.StartsWith($"FENCED current={second} ", StringComparison.Ordinal) || late.StartsWith("FENCED current=0 ", StringComparison.Ordinal),
            $"the first holder's late write: '{late}'");
        string txn = await Caller.ErrorAsync(Caller.Once(name + "/txn", ["TXN", "IF", 1, "LOCK", Key(name), first, "THEN", 1, 3, "SET", Key(name), "late"]));
        Check.That(txn == "" || txn.StartsWith("LOCKED", StringComparison.Ordinal), $"the first holder's late transaction: '{txn}'");
        Check.Equal("second", (await Caller.CallAsync("GET", Key(name))).Text(), "the value behind the late writes");
        await Caller.OnceAsync("LOCK", "RELEASE", Key(name), second);
        return true;
    }

    private static long TokenOf(RedisResult reply)
    {
        RedisResult[] parts = reply.Array();
        Check.Equal(1, parts[0].Number(), "a free lock is granted");
        return parts[1].Number();
    }
}
