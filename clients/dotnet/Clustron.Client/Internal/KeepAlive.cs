using Microsoft.Extensions.Logging;

namespace Clustron.Internal;

/// <summary>Why something that was held is not any more.</summary>
internal enum LossReason
{
    /// <summary>The server said so: it is gone.</summary>
    Gone,

    /// <summary>No renewal was confirmed within the TTL, so somebody else may have it.</summary>
    Expired,
}

/// <param name="Alive">False: the server knows it no more.</param>
/// <param name="Sent">Timestamp before the renewal was sent: the TTL counts from then on.</param>
/// <param name="Ttl">What it has from then on.</param>
internal readonly record struct Renewal(bool Alive, long Sent, TimeSpan Ttl);

/// <summary>
/// Keeps a lease or lock alive and says when it is lost: by the server's word, or by this process's monotonic clock at the send time of the
/// last confirmed renewal + TTL, without any reply. Thread-safe.
/// </summary>
/// <remarks>
/// INVARIANT: <see cref="LostToken"/> fires no later than that time (a little before it); once fired it stays so, whatever comes late.
/// </remarks>
internal sealed class KeepAlive : IAsyncDisposable
{
    private static readonly TimeSpan LongestMargin = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly string _what;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _lostToken;
    private readonly object _lock = new();
    private readonly Expiry _expiry;
    private Task _loop = Task.CompletedTask;
    private long _deadline;
    private bool _isLost;
    private bool _stopped;

    /// <param name="time">Monotonic clock.</param>
    /// <param name="log">Where a loss is told.</param>
    /// <param name="what">What is kept, for the log: "lock 'job:1', token 7".</param>
    /// <param name="first">The grant: when it was asked for, and its TTL.</param>
    public KeepAlive(TimeProvider time, ILogger log, string what, Renewal first)
    {
        (_time, _log, _what) = (time, log, what);
        _lostToken = _lost.Token;
        _expiry = Expiry.Create(time, OnDue);
        Extend(first);
    }

    public CancellationToken LostToken => _lostToken;

    /// <summary>Judged by the clock, so true also where the token is only about to fire.</summary>
    public bool IsLost
    {
        get
        {
            lock (_lock) return _isLost || _time.GetTimestamp() >= _deadline;
        }
    }

    /// <summary>What is certainly left; zero when lost.</summary>
    public TimeSpan Remaining
    {
        get
        {
            lock (_lock)
            {
                if (_isLost) return TimeSpan.Zero;
                TimeSpan left = _time.GetElapsedTime(_time.GetTimestamp(), _deadline);
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }
    }

    /// <summary>Begins to renew, each <paramref name="every"/>. The callback is given what time is left; it throws if it has no answer.</summary>
    public void Start(TimeSpan every, Func<TimeSpan, CancellationToken, Task<Renewal>> renew) => _loop = Task.Run(() => LoopAsync(every, renew));

    /// <summary>A renewal was confirmed. What comes behind the end changes nothing.</summary>
    public void Extend(Renewal renewal)
    {
        TimeSpan margin = renewal.Ttl / 20 < LongestMargin ? renewal.Ttl / 20 : LongestMargin;
        long deadline = renewal.Sent + (long)((renewal.Ttl - margin).TotalSeconds * _time.TimestampFrequency);
        lock (_lock)
        {
            // Renewals may be answered in another order than they were sent in.
            if (_isLost || _stopped || deadline <= _deadline) return;
            _deadline = deadline;
            _expiry.Set(deadline);
        }
    }

    /// <summary>It is lost, now.</summary>
    public void Lose(LossReason reason)
    {
        lock (_lock)
        {
            if (_isLost || _stopped) return;
            _isLost = true;
            _expiry.Dispose();
        }
        // Asynchronous: whatever runs on it must not hold up this thread, which others' tokens wait for.
        _ = _lost.CancelAsync();
        _ = _stop.CancelAsync();
        Report(reason);
    }

    /// <summary>No more renewals; the token does not fire any more. Waits until no renewal is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _stopped = true;
            _expiry.Dispose();
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
    }

    private void OnDue()
    {
        lock (_lock)
        {
            // It was extended while the timer fired.
            if (_time.GetTimestamp() < _deadline)
            {
                _expiry.Set(_deadline);
                return;
            }
        }
        Lose(LossReason.Expired);
    }

    private void Report(LossReason reason)
    {
        if (reason == LossReason.Gone) _log.LogWarning("{What} is lost: the server knows it no more.", _what);
        else _log.LogWarning("{What} is lost: no renewal was confirmed within its time to live.", _what);
    }

    private async Task LoopAsync(TimeSpan every, Func<TimeSpan, CancellationToken, Task<Renewal>> renew)
    {
        TimeSpan pause = every;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(false);
                Renewal renewal = await renew(Remaining, _stop.Token).ConfigureAwait(false);
                if (!renewal.Alive)
                {
                    Lose(LossReason.Gone);
                    return;
                }
                Extend(renewal);
                pause = every;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // Until its time is over it is tried again, whatever the reason: only the clock ends it.
                _log.LogWarning(error, "{What} could not be renewed, {Left} ms are left: {Reason}", _what, (long)Remaining.TotalMilliseconds, error.Message);
                pause = every / 4;
            }
        }
    }
}
