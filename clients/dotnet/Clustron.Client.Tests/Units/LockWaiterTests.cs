using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Waiting by ticket: ENQUEUE, the lock's channel, CLAIM.</summary>
public class LockWaiterTests
{
    private const string Channel = "__lock@0__:n";
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(30);
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private readonly ClustronClient _client;

    public LockWaiterTests() => _client = new ClustronClient(_port, new ClustronOptions { TimeProvider = _clock, ClientName = "me" });

    private bool _granted;

    private Task<RedisResult> Queue(string words) => words.Split(' ') switch
    {
        ["LOCK", "ACQUIRE", ..] => FakePort.Reply(0, 5, 3),
        ["LOCK", "CLAIM", "n", "5"] => _granted ? FakePort.Reply(1, 9, 30_000) : FakePort.Reply(0, 5, 2),
        ["LOCK", "CANCEL", "n", "5"] => _granted ? FakePort.Reply(1, 9, 30_000) : FakePort.Reply(0, 5, 1),
        ["LOCK", "RELEASE", ..] => FakePort.One(1),
        _ => FakePort.One(30_000),
    };

    [Fact]
    public async Task A_grant_is_claimed_when_the_channel_tells_of_it()
    {
        _port.Answer = Queue;
        Task<LockHandle> wait = _client.Locks.AcquireAsync("n", Ttl);
        await FakeClock.Settle();
        Assert.Equal(1, _port.Count("LOCK CLAIM")); // it may have been granted before the channel was heard
        await _port.PublishAsync(Channel, "granted 4 8 6000 somebody/1");
        await _port.PublishAsync(Channel, "released 3");
        Assert.Equal(1, _port.Count("LOCK CLAIM"));
        _granted = true;
        await _port.PublishAsync(Channel, "granted 5 9 6000 me/2");
        LockHandle handle = await Wait.For(wait, "the grant");
        Assert.Equal(9, handle.Token);
        Assert.Equal(0, _port.Subscriptions);
        Assert.Contains(" ENQUEUE 6000", _port.Sent[0], StringComparison.Ordinal);
        Assert.StartsWith("LOCK ACQUIRE n 30000 OWNER me/", _port.Sent[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ticket_is_kept_and_a_grant_that_was_not_told_is_found()
    {
        _port.Answer = Queue;
        Task<LockHandle> wait = _client.Locks.AcquireAsync("n", Ttl);
        await _clock.AdvanceAsync(9000);
        Assert.InRange(_port.Count("LOCK CLAIM n 5"), 5, 6);
        _granted = true;
        await _clock.AdvanceAsync(2001);
        Assert.Equal(9, (await Wait.For(wait, "the grant")).Token);
    }

    [Fact]
    public async Task A_channel_that_begins_anew_is_a_reason_to_ask()
    {
        _port.Answer = Queue;
        Task<LockHandle> wait = _client.Locks.AcquireAsync("n", Ttl);
        await FakeClock.Settle();
        _granted = true;
        await _port.PublishAsync(Channel, "sync 9 1");
        Assert.Equal(9, (await Wait.For(wait, "the grant")).Token);
    }

    [Fact]
    public async Task A_ticket_that_is_gone_is_replaced_under_the_same_owner()
    {
        int asked = 0;
        _port.Answer = words => words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? (++asked == 1 ? FakePort.Reply(0, 5, 3) : FakePort.Reply(1, 11, 30_000))
            : words.StartsWith("LOCK CLAIM", StringComparison.Ordinal) ? FakePort.Nil : FakePort.One(30_000);
        LockHandle handle = await Wait.For(_client.Locks.AcquireAsync("n", Ttl), "the second question");
        Assert.Equal(11, handle.Token);
        var questions = _port.Sent.Where(s => s.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, questions.Count);
        Assert.Equal(questions[0], questions[1]);
        Assert.Equal(1, _port.Count("LOCK RENEW n 11")); // an earlier question, come late, may be what was granted
    }

    [Fact]
    public async Task When_the_wait_is_over_the_queue_is_left()
    {
        _port.Answer = Queue;
        Task<LockHandle?> wait = _client.Locks.TryAcquireAsync("n", Ttl, TimeSpan.FromSeconds(3));
        await _clock.AdvanceAsync(3001);
        Assert.Null(await Wait.For(wait, "the end"));
        Assert.Equal(1, _port.Count("LOCK CANCEL n 5"));
        Assert.Equal(0, _port.Subscriptions);
        Task<LockHandle> throws = _client.Locks.AcquireAsync("n", Ttl, TimeSpan.FromSeconds(1));
        await _clock.AdvanceAsync(1001);
        await Assert.ThrowsAsync<TimeoutException>(() => throws);
    }

    [Fact]
    public async Task What_was_granted_before_the_queue_was_left_is_taken()
    {
        _port.Answer = words =>
        {
            if (words.StartsWith("LOCK CANCEL", StringComparison.Ordinal)) _granted = true;
            return Queue(words);
        };
        Task<LockHandle?> wait = _client.Locks.TryAcquireAsync("n", Ttl, TimeSpan.FromSeconds(3));
        await _clock.AdvanceAsync(3001);
        Assert.Equal(9, (await Wait.For(wait, "the end"))?.Token);
    }

    [Fact]
    public async Task Who_is_cancelled_leaves_the_queue_and_gives_a_grant_back()
    {
        _port.Answer = Queue;
        using var stop = new CancellationTokenSource();
        Task<LockHandle> wait = _client.Locks.AcquireAsync("n", Ttl, cancellation: stop.Token);
        await FakeClock.Settle();
        _granted = true;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        await Wait.Until(() => _port.Count("LOCK RELEASE n 9") == 1, "the grant is given back");
    }

    [Fact]
    public async Task An_answer_that_comes_when_nobody_waits_is_given_back()
    {
        var late = new TaskCompletionSource<RedisResult>();
        int asked = 0;
        _port.Answer = words => words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? (++asked == 1 ? late.Task : FakePort.Reply(1, 7, 30_000)) : FakePort.One(1);
        Task<LockHandle?> acquire = _client.Locks.TryAcquireAsync("n", Ttl);
        await _clock.AdvanceAsync(1001);
        LockHandle handle = (await Wait.For(acquire, "the second attempt"))!;
        Assert.True(await handle.ReleaseAsync());
        late.SetResult(FakePort.Array(1, 12, 30_000)); // the paused node went on, behind the release
        await Wait.Until(() => _port.Count("LOCK RELEASE n 12") == 1, "the late grant is given back");
        Assert.Equal(1, _port.Count("LOCK RELEASE n 7"));
    }

    [Fact]
    public async Task A_late_answer_that_tells_of_the_lock_that_is_held_takes_nothing_away()
    {
        var late = new TaskCompletionSource<RedisResult>();
        int asked = 0;
        _port.Answer = words => words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? (++asked == 1 ? late.Task : FakePort.Reply(1, 7, 30_000)) : FakePort.One(30_000);
        Task<LockHandle?> acquire = _client.Locks.TryAcquireAsync("n", Ttl);
        await _clock.AdvanceAsync(1001);
        LockHandle handle = (await Wait.For(acquire, "the second attempt"))!;
        late.SetResult(FakePort.Array(1, 7, 30_000));
        await _clock.AdvanceAsync(100);
        Assert.Equal(0, _port.Count("LOCK RELEASE"));
        Assert.False(handle.IsLost);
    }

    [Fact]
    public async Task Without_waiting_nobody_queues()
    {
        _port.Answer = _ => FakePort.Reply(0, 4, 1000, "somebody");
        Assert.Null(await _client.Locks.TryAcquireAsync("n", Ttl));
        Assert.DoesNotContain("ENQUEUE", _port.Sent.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Modes_say_what_they_are()
    {
        _port.Answer = _ => FakePort.Reply(0, 4, 1000, "somebody");
        await _client.Locks.TryAcquireSharedAsync("n", Ttl, default, new LockOptions { Advisory = true });
        await _client.Locks.TryAcquirePermitAsync("n", 3, Ttl, default, new LockOptions { Delay = TimeSpan.FromSeconds(1) });
        Assert.EndsWith(" SHARED ADVISORY", _port.Sent[0], StringComparison.Ordinal);
        Assert.EndsWith(" LIMIT 3 DELAY 1000", _port.Sent[1], StringComparison.Ordinal);
    }
}
