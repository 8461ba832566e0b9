using System.Threading.RateLimiting;

namespace Clustron.Tests;

/// <summary>A rate limiter's queue and figures, against a server that gives what the test says.</summary>
public class RateLimiterTests
{
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private int _left = 2;

    private ClustronRateLimiter Limiter(int queue, WhenUnavailable unavailable = WhenUnavailable.Throw)
    {
        _port.Answer = words =>
        {
            int wanted = int.Parse(words.Split("BYINT ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            int added = wanted <= _left ? wanted : 0;
            _left -= added;
            return FakePort.Reply(1, 7, new object?[] { new object?[] { 10 - _left, added }, 1000 });
        };
        var client = new ClustronClient(_port, new ClustronOptions { TimeProvider = _clock });
        return client.CreateRateLimiter("k", new() { PermitLimit = 10, Window = TimeSpan.FromSeconds(1), QueueLimit = queue, WhenUnavailable = unavailable });
    }

    [Fact]
    public async Task Who_waits_is_not_overtaken()
    {
        await using ClustronRateLimiter limiter = Limiter(4);
        Task<RateLimitLease> first = limiter.AcquireAsync(3).AsTask();
        await FakeClock.Settle();
        // Two are left, but the first one's turn comes before.
        Task<RateLimitLease> second = limiter.AcquireAsync(1).AsTask();
        await FakeClock.Settle();
        Assert.False(first.IsCompleted || second.IsCompleted);
        Assert.False(limiter.AttemptAcquire(1).IsAcquired);
        Assert.False((await limiter.AcquireAsync(1)).IsAcquired); // the queue is full
        Assert.Single(_port.Sent);
        _left = 3;
        await _clock.AdvanceAsync(1000);
        Assert.True((await Wait.For(first, "the first")).IsAcquired);
        await _clock.AdvanceAsync(900);
        Assert.False(second.IsCompleted);
        Assert.Equal(3, _port.Sent.Count); // it asked when its turn came, and was told when to ask again
        _left = 1;
        await _clock.AdvanceAsync(1100);
        Assert.True((await Wait.For(second, "the second")).IsAcquired);
    }

    [Fact]
    public async Task Each_call_counts_once()
    {
        await using ClustronRateLimiter limiter = Limiter(3);
        Assert.True((await limiter.AcquireAsync(2)).IsAcquired);
        Assert.Equal(0, limiter.GetStatistics().CurrentAvailablePermits);
        Task<RateLimitLease> waits = limiter.AcquireAsync(1).AsTask();
        await _clock.AdvanceAsync(3000); // asked some times
        Assert.Equal((1, 0, 1), (limiter.GetStatistics().TotalSuccessfulLeases, limiter.GetStatistics().TotalFailedLeases, limiter.GetStatistics().CurrentQueuedCount));
        Assert.Null(limiter.IdleDuration);
        _left = 1;
        await _clock.AdvanceAsync(1000);
        Assert.True((await Wait.For(waits, "the permit")).IsAcquired);
        Assert.False((await Limiter(0).AcquireAsync(9)).IsAcquired);
        Assert.Equal((2, 0, 0), (limiter.GetStatistics().TotalSuccessfulLeases, limiter.GetStatistics().TotalFailedLeases, limiter.GetStatistics().CurrentQueuedCount));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Disposing_ends_who_waits(bool async)
    {
        ClustronRateLimiter limiter = Limiter(9);
        _left = 0;
        Task<RateLimitLease>[] waits = [limiter.AcquireAsync(1).AsTask(), limiter.AcquireAsync(2).AsTask()];
        await FakeClock.Settle();
        if (async) await limiter.DisposeAsync();
        else limiter.Dispose();
        foreach (Task<RateLimitLease> wait in waits) Assert.False((await Wait.For(wait, "its end")).IsAcquired);
        Assert.Throws<ObjectDisposedException>(() => limiter.AttemptAcquire());
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_queue_to_the_next()
    {
        await using ClustronRateLimiter limiter = Limiter(9);
        _left = 0;
        using var stop = new CancellationTokenSource();
        Task<RateLimitLease> first = limiter.AcquireAsync(1, stop.Token).AsTask(), second = limiter.AcquireAsync(1).AsTask();
        await FakeClock.Settle();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Wait.For(first, "its end"));
        _left = 1;
        await _clock.AdvanceAsync(1100);
        Assert.True((await Wait.For(second, "the second")).IsAcquired);
    }

    [Fact]
    public async Task Without_a_cluster_it_refuses_at_once_if_it_is_told_to()
    {
        await using ClustronRateLimiter limiter = Limiter(9, WhenUnavailable.Refuse);
        _port.Answer = _ => FakePort.Error("CLUSTERDOWN no majority");
        Task<RateLimitLease> ask = limiter.AcquireAsync(1).AsTask();
        await _clock.AdvanceAsync(11_000);
        Assert.False((await Wait.For(ask, "the refusal")).IsAcquired);
    }
}
