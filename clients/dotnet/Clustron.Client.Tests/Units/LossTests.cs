using System.Diagnostics;
using Clustron.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>LostToken on a clock that stands: never later than send time + TTL, never while renewals are confirmed.</summary>
public class LossTests
{
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private readonly ClustronClient _client;

    public LossTests() => _client = new ClustronClient(_port, new ClustronOptions { TimeProvider = _clock, ClientName = "me" });

    private async Task<LockHandle> AcquireAsync(int ttlMs)
    {
        _port.Answer = words => words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? FakePort.Reply(1, 7, ttlMs) : FakePort.Silence;
        LockHandle? handle = await _client.Locks.TryAcquireAsync("n", TimeSpan.FromMilliseconds(ttlMs));
        await FakeClock.Settle();
        Assert.NotNull(handle);
        return handle;
    }

    [Fact]
    public async Task Without_any_reply_the_token_fires_before_the_ttl_is_over()
    {
        LockHandle handle = await AcquireAsync(3000);
        await _clock.AdvanceAsync(2890);
        Assert.False(handle.LostToken.IsCancellationRequested);
        Assert.False(handle.IsLost);
        await _clock.AdvanceAsync(110);
        Assert.True(handle.LostToken.IsCancellationRequested);
        Assert.True(handle.IsLost);
        Assert.True(_port.Count("LOCK RENEW n 7 3000") > 2, "it was tried again and again");
    }

    [Fact]
    public async Task Time_counts_from_when_the_renewal_was_sent()
    {
        LockHandle handle = await AcquireAsync(3000);
        var reply = new TaskCompletionSource<RedisResult>();
        _port.Answer = _ => reply.Task;
        await _clock.AdvanceAsync(1000); // the renewal is sent
        _port.Answer = _ => FakePort.Silence;
        await _clock.AdvanceAsync(300);
        reply.SetResult(RedisResult.Create(3000));
        await FakeClock.Settle();
        await _clock.AdvanceAsync(2580); // 3,880 ms behind the grant
        Assert.False(handle.LostToken.IsCancellationRequested);
        await _clock.AdvanceAsync(120);
        Assert.True(handle.LostToken.IsCancellationRequested);
    }

    [Fact]
    public async Task Confirmed_renewals_keep_it_for_ever()
    {
        LockHandle handle = await AcquireAsync(300);
        _port.Answer = _ => FakePort.One(300);
        await _clock.AdvanceAsync(6000);
        Assert.False(handle.LostToken.IsCancellationRequested);
        Assert.InRange(_port.Count("LOCK RENEW"), 55, 62);
        Assert.Equal(1, _port.Count("LOCK ACQUIRE"));
    }

    [Fact]
    public async Task Nil_is_loss_at_once_and_nothing_that_comes_late_brings_it_back()
    {
        LockHandle handle = await AcquireAsync(3000);
        _port.Answer = _ => FakePort.Nil;
        await _clock.AdvanceAsync(1001);
        Assert.True(handle.LostToken.IsCancellationRequested);
        _port.Answer = _ => FakePort.One(3000);
        Assert.False(await handle.RenewAsync());
        Assert.True(handle.IsLost);
    }

    [Fact]
    public async Task Errors_don_t_end_it_before_its_time()
    {
        LockHandle handle = await AcquireAsync(3000);
        _port.Answer = _ => FakePort.Error("ERR something odd");
        await _clock.AdvanceAsync(2500);
        Assert.False(handle.LostToken.IsCancellationRequested);
        _port.Answer = _ => FakePort.One(3000);
        await _clock.AdvanceAsync(2500);
        Assert.False(handle.LostToken.IsCancellationRequested);
    }

    [Fact]
    public async Task What_was_released_is_not_lost()
    {
        LockHandle handle = await AcquireAsync(3000);
        _port.Answer = _ => FakePort.One(1);
        Assert.True(await handle.ReleaseAsync());
        await _clock.AdvanceAsync(10_000);
        Assert.False(handle.LostToken.IsCancellationRequested);
        Assert.Equal(0, _port.Count("LOCK RENEW"));
        await handle.DisposeAsync();
        Assert.Equal(1, _port.Count("LOCK RELEASE n 7"));
    }

    [Fact]
    public async Task A_break_is_known_at_once_to_who_asked_for_it()
    {
        _port.Answer = words => words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? FakePort.Reply(1, 7, 3000) : FakePort.One(1);
        LockHandle handle = await _client.Locks.AcquireAsync("n", TimeSpan.FromSeconds(3), TimeSpan.Zero, new LockOptions { NotifyLoss = true });
        await _port.PublishAsync("__lock@0__:n", "broken 6");
        Assert.False(handle.LostToken.IsCancellationRequested);
        await _port.PublishAsync("__lock@0__:n", "broken 7");
        Assert.True(handle.LostToken.IsCancellationRequested);
    }

    [Fact]
    public async Task A_repeated_question_counts_from_its_first_attempt_until_it_is_renewed()
    {
        int asked = 0;
        _port.Answer = words => !words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? FakePort.Silence
            : ++asked == 1 ? FakePort.Silence : FakePort.Reply(1, 7, 3000);
        Task<LockHandle?> acquire = _client.Locks.TryAcquireAsync("n", TimeSpan.FromSeconds(3));
        await _clock.AdvanceAsync(1001); // the second attempt is answered; which one was granted is not known
        Assert.False(acquire.IsCompleted);
        Assert.Equal(1, _port.Count("LOCK RENEW n 7 3000"));
        _port.Answer = _ => FakePort.One(3000);
        await _clock.AdvanceAsync(500);
        LockHandle handle = (await Wait.For(acquire, "the renewal's second attempt"))!;
        Assert.InRange(handle.Remaining.TotalMilliseconds, 2300, 3000);
    }

    [Fact]
    public async Task A_lease_is_lost_in_time_and_its_lock_with_it()
    {
        _port.Answer = words => words.StartsWith("LEASE GRANT", StringComparison.Ordinal) ? FakePort.Reply("l", 3000, 5)
            : words.StartsWith("LOCK ACQUIRE", StringComparison.Ordinal) ? FakePort.Reply(1, 7, 0) : FakePort.Silence;
        Lease lease = await _client.Leases.GrantAsync(TimeSpan.FromSeconds(3));
        LockHandle handle = await _client.Locks.AcquireAsync("n", default, TimeSpan.Zero, new LockOptions { Lease = lease });
        Assert.Contains($"LEASE {lease.Id}", _port.Sent[^1], StringComparison.Ordinal);
        await _clock.AdvanceAsync(2890);
        Assert.False(lease.LostToken.IsCancellationRequested);
        await _clock.AdvanceAsync(110);
        Assert.True(lease.LostToken.IsCancellationRequested);
        Assert.True(handle.LostToken.IsCancellationRequested);
        Assert.Equal(0, _port.Count("LOCK RENEW"));
        await Assert.ThrowsAsync<NoLeaseException>(() => _client.Locks.TryAcquireAsync("m", default, default, new LockOptions { Lease = lease }));
    }

    [Fact]
    public async Task An_answer_to_an_older_renewal_shortens_nothing()
    {
        long now = _clock.GetTimestamp();
        TimeSpan ttl = TimeSpan.FromSeconds(2), margin = TimeSpan.FromMilliseconds(100);
        await using var life = new KeepAlive(_clock, NullLogger.Instance, "it", new Renewal(true, now, ttl));
        await _clock.AdvanceAsync(1500);
        life.Extend(new Renewal(true, _clock.GetTimestamp(), ttl));
        life.Extend(new Renewal(true, now + TimeSpan.FromSeconds(1).Ticks, ttl));
        Assert.Equal(ttl - margin, life.Remaining);
        await _clock.AdvanceAsync(1890);
        Assert.False(life.LostToken.IsCancellationRequested);
        await _clock.AdvanceAsync(10);
        Assert.True(life.LostToken.IsCancellationRequested);
        Assert.Equal(TimeSpan.Zero, life.Remaining);
    }

    [Fact]
    public async Task A_starved_thread_pool_holds_no_token_up()
    {
        long began = Stopwatch.GetTimestamp();
        var life = new KeepAlive(TimeProvider.System, NullLogger.Instance, "it", new Renewal(true, TimeProvider.System.GetTimestamp(), TimeSpan.FromMilliseconds(300)));
        using var go = new ManualResetEventSlim();
        var blocked = Enumerable.Range(0, 64).Select(_ => Task.Run(() => go.Wait(3000))).ToArray();
        var seen = new TaskCompletionSource<double>();
        var watcher = new Thread(() =>
        {
            while (!life.LostToken.IsCancellationRequested && Stopwatch.GetElapsedTime(began).TotalSeconds < 3) Thread.Sleep(1);
            seen.SetResult(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        });
        watcher.Start();
        watcher.Join();
        go.Set();
        await Task.WhenAll(blocked);
        Assert.InRange(await seen.Task, 250, 320); // with the watcher's own nap
    }
}
