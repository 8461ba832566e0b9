using System.Globalization;
using StackExchange.Redis;

namespace Clustron.Internal;

/// <summary>When a command may be sent again.</summary>
internal enum Repeat
{
    /// <summary>Only if it certainly did not happen.</summary>
    IfNotApplied,

    /// <summary>
    /// At any time: it has an owner, an id or a request id. That it does the same twice is not enough: an attempt that was given up may
    /// come when later writes are done, and undo them.
    /// </summary>
    Safe,

    /// <summary>At any time, and it changes nothing: a failure is never uncertain.</summary>
    Read,
}

/// <param name="Result">The reply.</param>
/// <param name="Sent">Timestamp taken before the attempt that was answered was sent.</param>
/// <param name="FirstSent">Timestamp taken before the first attempt was sent.</param>
internal readonly record struct Answer(RedisResult Result, long Sent, long FirstSent)
{
    /// <summary>More than one attempt was sent: an earlier one may have been what took effect.</summary>
    public bool Repeated => Sent != FirstSent;
}

/// <summary>How long and how often; null: the client's settings.</summary>
internal sealed record Limits
{
    public TimeSpan? RetryFor { get; init; }
    public TimeSpan? HedgeAfter { get; init; }

    /// <summary>Gets replies that come when nobody waits for them any more: of repeated or abandoned attempts.</summary>
    public Action<RedisResult>? Late { get; init; }

    public static readonly Limits None = new();
}

/// <summary>Sends commands, repeats what is safe to repeat, and turns errors into typed ones. Thread-safe.</summary>
internal sealed class Executor(ICommandPort port, ClustronOptions options)
{
    // Timers count whole milliseconds: a shorter wait would be none, and attempts would follow each other without a pause.
    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(500);

    public ICommandPort Port => port;
    public TimeProvider Time => options.TimeProvider;

    public async Task<RedisResult> AskAsync(Command command, Repeat repeat, CancellationToken cancellation) =>
        (await RunAsync(command, repeat, Limits.None, cancellation).ConfigureAwait(false)).Result;

    /// <summary>
    /// A write: with a request id it may be repeated, else only if it did not happen. Repeats end when half of the time is over for which
    /// the server keeps the reply: one that comes behind that would be done again.
    /// </summary>
    public async Task<RedisResult> WriteAsync(Command command, RequestId? request, CancellationToken cancellation)
    {
        if (request is not { } id) return await AskAsync(command, Repeat.IfNotApplied, cancellation).ConfigureAwait(false);
        var limits = new Limits { RetryFor = Min(options.RetryFor, id.Keep / 2) };
        return (await RunAsync(id.Wrap(command), Repeat.Safe, limits, cancellation).ConfigureAwait(false)).Result;
    }

    /// <summary>Subscribes, again while the connection breaks. What was told before it is done may be missed: ask behind it.</summary>
    /// <exception cref="UnavailableException">No node confirmed it in time.</exception>
    public async Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage, CancellationToken cancellation)
    {
        long began = Time.GetTimestamp();
        for (TimeSpan delay = FirstDelay;; delay = Min(delay * 2, LongestDelay))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return await port.SubscribeAsync(channel, onMessage).ConfigureAwait(false);
            }
            catch (Exception error) when (Errors.Judge(error) != Outcome.Refused)
            {
                if (Time.GetElapsedTime(began) >= options.RetryFor)
                {
                    string text = string.Format(CultureInfo.InvariantCulture, Errors.Unreachable, $"SUBSCRIBE {channel}", (long)options.RetryFor.TotalMilliseconds);
                    throw new UnavailableException("CLUSTERDOWN", text, error);
                }
            }
            await Task.Delay(Jitter(delay), Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <exception cref="ClustronException">The server refused it, or it had no answer in time.</exception>
    public async Task<Answer> RunAsync(Command command, Repeat repeat, Limits limits, CancellationToken cancellation)
    {
        var flight = new Flight(this, command, repeat, limits);
        TimeSpan delay = FirstDelay;
        try
        {
            for (;;)
            {
                cancellation.ThrowIfCancellationRequested();
                flight.Send();
                if (await flight.WaitAsync(cancellation).ConfigureAwait(false) is { } answer) return answer;
                TimeSpan left = flight.Left;
                if (left < LeastWait) throw flight.GiveUp();
                if (flight.Pending) continue;
                await Task.Delay(Min(Jitter(delay), left), Time, cancellation).ConfigureAwait(false);
                delay = Min(delay * 2, LongestDelay);
            }
        }
        finally
        {
            flight.Abandon();
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
    private static TimeSpan Jitter(TimeSpan delay) => delay * (0.5 + Random.Shared.NextDouble() / 2);

    /// <summary>One command on its way, in one or more attempts. Used by one caller.</summary>
    private sealed class Flight(Executor executor, Command command, Repeat repeat, Limits limits)
    {
        private readonly List<(Task<RedisResult> Reply, long Sent, int Node)> _pending = [];
        private readonly TimeSpan _retryFor = limits.RetryFor ?? executor.Options.RetryFor;
        private readonly TimeSpan _hedgeAfter = limits.HedgeAfter ?? executor.Options.HedgeAfter;
        private long _firstSent;
        private bool _sent;
        private bool _uncertain;
        private Exception? _last;

        public bool Pending => _pending.Count > 0;
        public TimeSpan Left => _retryFor - executor.Time.GetElapsedTime(_firstSent);

        public void Send()
        {
            long now = executor.Time.GetTimestamp();
            if (!_sent) _firstSent = now;
            _sent = true;
            int node = executor.Port.Node;
            Task<RedisResult> reply;
            try { reply = executor.Port.ExecuteAsync(command, node); }
            catch (Exception error) { reply = Task.FromException<RedisResult>(error); }
            _pending.Add((reply, now, node));
        }

        /// <summary>The answer; null: all attempts failed so that another one may be made, or it is time for one beside them.</summary>
        public async Task<Answer?> WaitAsync(CancellationToken cancellation)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            Task timer = TimerAsync(stop.Token);
            try
            {
                while (Pending)
                {
                    if (_pending.Count == 1) await Task.WhenAny(_pending[0].Reply, timer).ConfigureAwait(false);
                    else await Task.WhenAny(_pending.Select(p => (Task)p.Reply).Append(timer)).ConfigureAwait(false);
                    int done = _pending.FindIndex(p => p.Reply.IsCompleted);
                    if (done < 0)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        executor.Port.Leave(_pending[^1].Node);
                        if (repeat != Repeat.IfNotApplied) return null;
                        // What must not be repeated is waited for: the multiplexer ends it by its own time-out.
                        timer = Task.Delay(Timeout.InfiniteTimeSpan, stop.Token);
                        continue;
                    }
                    var (reply, sent, node) = _pending[done];
                    _pending.RemoveAt(done);
                    if (reply.IsCompletedSuccessfully) return new Answer(reply.Result, sent, _firstSent);
                    Fail(reply.Exception?.InnerException ?? new TaskCanceledException(reply), node);
                }
                return null;
            }
            finally
            {
                stop.Cancel(); // The timer goes at once.
            }
        }

        private Task TimerAsync(CancellationToken stop)
        {
            TimeSpan left = Left, wait = _hedgeAfter < left || repeat == Repeat.IfNotApplied ? _hedgeAfter : left;
            return Task.Delay(wait > LeastWait ? wait : LeastWait, executor.Time, stop);
        }

        private void Fail(Exception error, int node)
        {
            _last = error;
            Outcome outcome = Errors.Judge(error);
            if (outcome != Outcome.Refused) executor.Port.Leave(node);
            switch (outcome)
            {
                case Outcome.NotApplied:
                    return;
                case Outcome.Unknown when repeat != Repeat.IfNotApplied:
                    _uncertain = true;
                    return;
                case Outcome.Unknown:
                    throw error is RedisServerException ? Errors.Typed(error) : new UncertainException($"{command}: {error.Message}", error);
                default:
                    throw Errors.Typed(error);
            }
        }

        public Exception GiveUp()
        {
            long ms = (long)_retryFor.TotalMilliseconds;
            if (repeat != Repeat.Read && (_uncertain || Pending))
                return new UncertainException(string.Format(CultureInfo.InvariantCulture, Errors.NoAnswer, command, ms), _last);
            if (_last is RedisServerException) return Errors.Typed(_last);
            return new UnavailableException("CLUSTERDOWN", string.Format(CultureInfo.InvariantCulture, Errors.Unreachable, command, ms), _last);
        }

        /// <summary>Nobody waits for the attempts any more.</summary>
        public void Abandon()
        {
            foreach (var (reply, _, _) in _pending)
                reply.ContinueWith(Tell, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            _pending.Clear();
        }

        private void Tell(Task<RedisResult> reply)
        {
            if (reply.IsCompletedSuccessfully) limits.Late?.Invoke(reply.Result);
            else _ = reply.Exception; // It is observed.
        }
    }

    private ClustronOptions Options => options;
}
